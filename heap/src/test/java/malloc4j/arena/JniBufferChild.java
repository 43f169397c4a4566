package malloc4j.arena;

import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import malloc4j.Heap;
import malloc4j.HeapOptions;

/// In a JVM of its own, which what JNI is asked may end: what it tells of the buffers of a heap, a line each.
final class JniBufferChild {
    private JniBufferChild() {}

    public static void main(String[] arguments) throws Throwable {
        JniCalls jni = new JniCalls();
        try (Heap heap = Heap.create(HeapOptions.defaults());
                Arena confined = heap.ofConfined();
                Arena shared = heap.ofShared();
                Arena unscoped = heap.ofUnscoped()) {
            ByteBuffer[] buffers = {
                confined.allocate(100).asByteBuffer(),
                shared.allocate(100).asByteBuffer(),
                heap.ofAuto().allocate(100).asByteBuffer(),
                unscoped.allocate(100).asByteBuffer(),
                heap.segment(heap.malloc(100)).asByteBuffer(),
                ByteBuffer.allocateDirect(100)
            };
            for (ByteBuffer buffer : buffers) {
                System.out.println(jni.tells(buffer) ? "yes" : "no");
            }
        }
    }
}
