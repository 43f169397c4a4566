package malloc4j.misuse;

/// What becomes of a misuse.
enum Outcome {
    REFUSED("refused", "the call throws, and nothing has changed"),
    AT_THE_TOUCH(
            "detected at the touch",
            "Java code that touches the memory gets an `InternalError`, and `Heap.explain` names the block"),
    AT_FREE("detected at free", "the free of the block throws a `BlockMisuseException`, and the block is free"),
    BY_VERIFY("detected by `verify`", "`Heap.verify` throws, and says which slab it is about"),
    HARMLESS("harmless", "it does what the words say, and the heap is whole"),
    NOT_DETECTED("not detected", "the program goes on with what the words say; the heap's own records are whole"),
    ENDS_THE_JVM("ends the JVM", "a signal; the JVM writes its `hs_err` file");

    final String text;
    final String meaning;

    Outcome(String text, String meaning) {
        this.text = text;
        this.meaning = meaning;
    }

    /// Whether the call, or the touch, comes back without a word.
    boolean isSilent() {
        return this == HARMLESS || this == NOT_DETECTED;
    }
}
