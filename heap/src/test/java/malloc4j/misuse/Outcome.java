package malloc4j.misuse;

/// What becomes of a misuse.
enum Outcome {
    REFUSED(Verdict.TOLD, "refused", "the call throws, and nothing has changed"),
    AT_THE_TOUCH(
            Verdict.TOLD,
            "detected at the touch",
            "Java code that touches the memory gets an `InternalError`, and `Heap.explain` names the block"),
    AT_FREE(
            Verdict.TOLD,
            "detected at free",
            "the free of the block throws a `BlockMisuseException`, and the block is free"),
    BY_SEARCH(
            Verdict.TOLD,
            "found by `findDamage`",
            "nothing happens at once; `Heap.findDamage`, and the log within a second, name the block"),
    BY_VERIFY(Verdict.TOLD, "detected by `verify`", "`Heap.verify` throws, and says which slab it is about"),
    HARMLESS(Verdict.HARMLESS, "harmless", "it does what the words say, and the heap is whole"),
    NOT_DETECTED(
            Verdict.NOT_DETECTED,
            "not detected",
            "the program goes on with what the words say; the heap's own records are whole"),
    ENDS_THE_JVM(Verdict.ENDS_THE_JVM, "ends the JVM", "a signal; the JVM writes its `hs_err` file");

    final Verdict verdict;
    final String text;
    final String meaning;

    Outcome(Verdict verdict, String text, String meaning) {
        this.verdict = verdict;
        this.text = text;
        this.meaning = meaning;
    }

    /// Whether the call, or the touch, comes back without a word.
    boolean isSilent() {
        return this == HARMLESS || this == NOT_DETECTED;
    }
}
