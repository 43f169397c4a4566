package malloc4j.misuse;

import malloc4j.observe.MisuseReport.Finding;

/// How a misuse is told of, or what becomes of it where it is not.
///
/// @param name of the finding or the exception, empty where there is none
/// @param words of the message; of a silent outcome, what the case asserts; of the end of a JVM, the signal
/// @param isCertain whether it is seen in some of many turns; else a matter of luck
record Told(Outcome outcome, String name, String words, boolean isCertain) {
    static Told refused(Finding finding, String words) {
        return new Told(Outcome.REFUSED, finding.name(), words, true);
    }

    static Told refused(Class<? extends Throwable> thrown, String words) {
        return new Told(Outcome.REFUSED, thrown.getSimpleName(), words, true);
    }

    static Told atTheTouch(String words) {
        return new Told(Outcome.AT_THE_TOUCH, "", words, true);
    }

    static Told atFree(String words) {
        return new Told(Outcome.AT_FREE, Finding.DAMAGED.name(), words, true);
    }

    static Told bySearch(Finding finding, String words) {
        return new Told(Outcome.BY_SEARCH, finding.name(), words, true);
    }

    static Told byVerify(String words) {
        return new Told(Outcome.BY_VERIFY, "", words, true);
    }

    static Told harmless(String words) {
        return new Told(Outcome.HARMLESS, "", words, true);
    }

    static Told notDetected(String words) {
        return new Told(Outcome.NOT_DETECTED, "", words, true);
    }

    static Told endsTheJvm(String signal) {
        return new Told(Outcome.ENDS_THE_JVM, "", signal, true);
    }

    /// The same, where it may be that no turn sees it.
    Told byLuck() {
        return new Told(outcome, name, words, false);
    }

    /// Whether this is what was seen.
    boolean matches(Seen seen) {
        return seen.isSilent()
                ? outcome.isSilent()
                : outcome == seen.outcome()
                        && name.equals(seen.name())
                        && seen.text().contains(words);
    }

    /// In a table.
    String cell() {
        String line = words.lines().findFirst().orElseThrow().strip();
        String stacks = words.contains("\n") ? ", with the stacks" : "";
        String quoted = outcome.isSilent() || outcome == Outcome.ENDS_THE_JVM ? line : "\"" + line + "\"" + stacks;
        return (isCertain ? "" : "seldom ") + "**" + outcome.text + "**" + (name.isEmpty() ? "" : ", `" + name + "`")
                + ": " + quoted;
    }
}
