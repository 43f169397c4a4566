/// Functions of malloc4j heaps for C libraries: see [malloc4j.callbacks.HeapCallbacks].
module malloc4j.callbacks {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires transitive malloc4j;

    exports malloc4j.callbacks;
}
