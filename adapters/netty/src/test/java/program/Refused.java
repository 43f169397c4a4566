package program;

import malloc4j.netty.Malloc4jByteBufAllocator;

/// Allocates a buffer twice where that cannot be, and prints why.
public final class Refused {
    private Refused() {}

    /// Allocates.
    public static void main(String[] arguments) {
        for (int call = 0; call < 2; call++) {
            try {
                System.out.println(
                        Malloc4jByteBufAllocator.DEFAULT.directBuffer(1).capacity());
            } catch (RuntimeException | LinkageError refused) {
                System.out.println(refused);
            }
        }
    }
}
