"""The steps as plain functions: no Prefect, environment, clock or network clients in them."""
