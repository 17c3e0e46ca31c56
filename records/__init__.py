"""The vocabulary: records, record classes and their fields, states, tables, the error tree."""
