package malloc4j.internal.proc;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/// Reads the memory of a process by address, through `/proc/PID/mem`: of this process too, because an address that
/// is not mapped is an exception here and the end of the JVM elsewhere.
///
/// A page is read once and kept, the last [#KEPT_PAGES] of them: what is read together was so at about one moment,
/// and following a list costs a look-up, not a system call. The process runs on meanwhile; whoever follows pointers
/// checks what it finds. A page that was never touched becomes a mapping of the zero page when it is read, which no
/// figure counts; [#isPresent] asks first.
///
/// Needs the right to trace the process (`PTRACE_MODE_ATTACH`): the same user, and no `yama.ptrace_scope` against
/// it.
///
/// @source [proc_pid_mem(5)](https://man7.org/linux/man-pages/man5/proc_pid_mem.5.html)
final class ProcessMemory implements AutoCloseable {
    private static final int PAGE_BYTES = 4096; // ours, not the kernel's: only what is read at once
    private static final int KEPT_PAGES = 4096;
    private static final int MAX_STRING_BYTES = 512;

    private final RandomAccessFile memory;
    private final PageStates states;
    private final Map<Long, ByteBuffer> pages = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, ByteBuffer> eldest) {
            return size() > KEPT_PAGES;
        }
    };

    private ProcessMemory(RandomAccessFile memory, PageStates states) {
        this.memory = memory;
        this.states = states;
    }

    /// @param directory of the process, such as `/proc/4711`
    /// @throws IOException if this process may not read it
    static ProcessMemory open(SystemFiles files, String directory, PageStates states) throws IOException {
        return new ProcessMemory(files.openAnywhere(directory + "/mem"), states);
    }

    long word(long address) throws IOException {
        if ((address & (PAGE_BYTES - 1)) <= PAGE_BYTES - Long.BYTES) {
            return page(address).getLong((int) (address & (PAGE_BYTES - 1)));
        }
        long word = 0;
        for (int index = Long.BYTES - 1; index >= 0; index--) {
            word = (word << 8) | unsignedByte(address + index);
        }
        return word;
    }

    int number(long address) throws IOException {
        if ((address & (PAGE_BYTES - 1)) <= PAGE_BYTES - Integer.BYTES) {
            return page(address).getInt((int) (address & (PAGE_BYTES - 1)));
        }
        return unsignedShort(address) | unsignedShort(address + Short.BYTES) << 16;
    }

    int unsignedByte(long address) throws IOException {
        return page(address).get((int) (address & (PAGE_BYTES - 1))) & 0xff;
    }

    int unsignedShort(long address) throws IOException {
        return unsignedByte(address) | unsignedByte(address + 1) << 8;
    }

    /// A string that ends with a zero byte, of at most 512 bytes.
    String string(long address) throws IOException {
        byte[] text = new byte[MAX_STRING_BYTES];
        for (int length = 0; length < MAX_STRING_BYTES; length++) {
            text[length] = (byte) unsignedByte(address + length);
            if (text[length] == 0) {
                return new String(text, 0, length, StandardCharsets.UTF_8);
            }
        }
        throw new EOFException("no string at 0x" + Long.toHexString(address));
    }

    /// Whether the page at `address` has been touched, so that reading it changes nothing; false where nothing
    /// tells.
    boolean isPresent(long address) {
        return states.isPresent(address);
    }

    private ByteBuffer page(long address) throws IOException {
        long start = address & -PAGE_BYTES;
        ByteBuffer page = pages.get(start);
        if (page == null) {
            page = ByteBuffer.allocate(PAGE_BYTES).order(ByteOrder.nativeOrder());
            if (start < 0 || SystemFiles.readAt(memory, start, page.array(), PAGE_BYTES) < PAGE_BYTES) {
                throw new EOFException("nothing can be read at 0x" + Long.toHexString(address));
            }
            pages.put(start, page);
        }
        return page;
    }

    @Override
    public void close() throws IOException {
        memory.close();
    }
}
