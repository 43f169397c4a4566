package malloc4j.internal.os;

import malloc4j.internal.memory.RawMemory;

/// Run in a JVM of its own by [NativeAccessTest]: makes one system call, twice, and reaches for memory, and prints
/// what became of it.
final class NativeAccessProbe {
    private NativeAccessProbe() {}

    public static void main(String[] arguments) {
        for (int attempt = 0; attempt < 2; attempt++) {
            try {
                System.out.println(
                        "close(-1) = " + Errno.name(LinuxCalls.instance().close(-1)));
            } catch (IllegalCallerException refused) {
                System.out.println(refused.getMessage());
            }
        }
        try {
            RawMemory.requireGrant();
            System.out.println("memory is reached");
        } catch (IllegalCallerException refused) {
            System.out.println(refused.getMessage());
        }
        System.out.println(Platform.current().libc());
    }
}
