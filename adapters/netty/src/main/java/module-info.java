/// Netty's buffers on a malloc4j heap: [malloc4j.netty.Malloc4jByteBufAllocator].
module malloc4j.netty {
    requires static org.jspecify; // annotations, without which others compile against this and run it
    requires transitive io.netty.buffer;
    requires io.netty.common;
    requires transitive malloc4j;

    exports malloc4j.netty;
}
