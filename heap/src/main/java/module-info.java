/// The malloc4j heap: an allocator of memory outside the Java heap that needs `java.base` and nothing else.
module malloc4j {
    requires static org.jspecify; // annotations, without which others compile against this and run it

    exports malloc4j;
    exports malloc4j.alloc;
    exports malloc4j.bytes;
    exports malloc4j.linux;
    exports malloc4j.observe;
    exports malloc4j.process;

    uses malloc4j.observe.Probe;
}
