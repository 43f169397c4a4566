package malloc4j.process;

import java.io.IOException;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;

/// Cuts one mapping into as many as its argument says by protecting every other page, touches some, and waits.
final class ManyMappingsChild {
    private ManyMappingsChild() {}

    public static void main(String[] arguments) throws IOException {
        int count = Integer.parseInt(arguments[0]);
        LinuxCalls calls = LinuxCalls.instance();
        int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
        long start = calls.mmap(0, (long) count << 12, Linux.PROT_READ | Linux.PROT_WRITE, flags, -1, 0);
        for (int page = 0; page < count; page++) {
            long address = start + ((long) page << 12);
            if (page % 2 == 0) {
                long result = calls.mprotect(address, 4096, Linux.PROT_READ);
                if (result < 0) {
                    throw new AssertionError("mprotect of page " + page + ": " + Errno.name(result));
                }
            } else if (page % 8 == 1) {
                RawMemory.putByte(address, (byte) 1);
            }
        }
        System.out.println("ready");
        int unused = System.in.read();
    }
}
