package malloc4j.misuse;

/// What is made of an outcome in the summary, in the order of its columns.
enum Verdict {
    /// Refused, or detected in whatever way.
    TOLD("told"),
    /// Told or not, as chance has it.
    BY_CHANCE("by chance"),
    HARMLESS("harmless"),
    NOT_DETECTED("not detected"),
    ENDS_THE_JVM("ends the JVM");

    final String text;

    Verdict(String text) {
        this.text = text;
    }
}
