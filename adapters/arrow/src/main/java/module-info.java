/// Arrow's buffers on malloc4j heaps.
module malloc4j.arrow {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires transitive malloc4j;
    requires transitive org.apache.arrow.memory.core;

    exports malloc4j.arrow;
}
