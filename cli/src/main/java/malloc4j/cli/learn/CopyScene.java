package malloc4j.cli.learn;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.linux.Mapping;
import malloc4j.peers.Memory;
import org.jspecify.annotations.Nullable;

/// Two ways to the bytes of a file.
final class CopyScene implements Scene {
    private static final int BYTES = 32 << 20;
    private static final int BUFFER_BYTES = 64 << 10;
    private static final int PASSES = 9;
    private static final long NANOS_PER_SECOND = 1_000_000_000;

    @Override
    public Lesson lesson() {
        return new Lesson(
                "copy",
                "read copies, mmap shows",
                "a file of 32 MiB by pread and by mmap: nanoseconds a page, faults, and whose memory it is",
                "The kernel keeps what was read of files in its page cache. read copies from there into a buffer of"
                        + " the program: one copy a byte, no faults. mmap shows the very pages of the cache in the"
                        + " program's addresses: no copy, but the first touch of each page, or of some pages"
                        + " together, is a fault. So neither is faster in general: a file that is read once from"
                        + " front to back favours read, one that many processes look into, here and there and again,"
                        + " favours mmap.",
                List.of(
                        Source.manual("mmap", 2),
                        Source.manual("pread", 2),
                        Source.manual("mincore", 2),
                        new Source(
                                "Crotty, Leis, Pavlo: Are You Sure You Want to Use MMAP in Your DBMS?, CIDR 2022",
                                "https://db.cs.cmu.edu/mmap-cidr2022/")),
                List.of(
                        new Try(
                                "grep -E '^(Cached|Mapped)' /proc/meminfo",
                                "how much the page cache holds, and what of it is mapped"),
                        new Try(
                                "./malloc4j layout self",
                                "which files a JVM has mapped, and what of them is in memory")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.TIME;
    }

    @Override
    public void play(Stage stage) throws IOException {
        Path file = Files.createTempFile("malloc4j-learn-", ".bin");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            Path descriptor = descriptor(file);
            Files.delete(file); // at once: nothing is left, however this process ends
            write(channel);
            play(stage, channel, descriptor);
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /// By what an open file can be opened again when it has no name any more.
    private static Path descriptor(Path file) throws IOException {
        Path wanted = file.toRealPath();
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors
                    .filter(descriptor -> wanted.equals(target(descriptor)))
                    .findFirst()
                    .orElseThrow(() -> new IOException("/proc/self/fd does not have " + wanted));
        }
    }

    private static @Nullable Path target(Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor);
        } catch (IOException closedMeanwhile) {
            return null;
        }
    }

    private static void write(FileChannel channel) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.nativeOrder());
        for (int offset = 0; offset < BYTES; offset += BUFFER_BYTES) {
            buffer.clear();
            while (buffer.hasRemaining()) {
                buffer.putLong(offset + buffer.position());
            }
            buffer.flip();
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        }
    }

    private static void play(Stage stage, FileChannel channel, Path file) throws IOException {
        long page = Mapping.systemPageByteSize();
        long pages = BYTES / page;
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.nativeOrder());
        long expected = read(channel, buffer, page);
        long faults = Self.minorFaults();
        long best = Long.MAX_VALUE;
        boolean isSame = true;
        for (int pass = 0; pass < PASSES; pass++) {
            long start = System.nanoTime();
            isSame &= read(channel, buffer, page) == expected;
            best = Math.min(best, System.nanoTime() - start);
        }
        long faultsOfRead = (Self.minorFaults() - faults) / PASSES;
        stage.step("A file of 32 MiB that was just written is read by pread, 64 KiB at a time; of each page one"
                        + " word is looked at. The best of nine passes counts.")
                .count("pages", pages, "pages")
                .nanos("time for a page", (double) best / pages)
                .bytes("copied in a second", (long) ((double) BYTES * NANOS_PER_SECOND / best))
                .count("page faults", faultsOfRead, "faults")
                .claim(
                        "read copies into memory that is there already: it takes no page faults.",
                        isSame && faultsOfRead < pages / 100);
        try (Mapping mapping = Mapping.ofFile(file).map()) {
            playMapped(stage, mapping, file, expected);
        }
    }

    private static void playMapped(Stage stage, Mapping mapping, Path file, long expected) {
        long page = Mapping.systemPageByteSize();
        long pages = BYTES / page;
        long resident = mapping.residentBytes();
        stage.step("The file is mapped, and nothing is touched.")
                .bytes("in memory (mincore)", resident)
                .claim("What was read is in the page cache, and a mapping shows that very memory.", resident == BYTES);
        long best = Long.MAX_VALUE;
        long faults = Self.minorFaults();
        boolean isSame = true;
        for (int pass = 0; pass < PASSES; pass++) {
            try (Mapping fresh = Mapping.ofFile(file).map()) {
                long start = System.nanoTime();
                isSame &= sum(fresh.address(), page) == expected;
                best = Math.min(best, System.nanoTime() - start);
            }
        }
        long faultsOfTouch = (Self.minorFaults() - faults) / PASSES;
        stage.step("It is mapped anew nine times, and each time one word of each page is looked at.")
                .nanos("time for a page", (double) best / pages)
                .count("page faults", faultsOfTouch, "faults")
                .count("pages for each fault", faultsOfTouch == 0 ? pages : pages / faultsOfTouch, "pages")
                .claim(
                        "The first touch of a mapped page is a fault; the kernel maps some pages around it with it.",
                        isSame && faultsOfTouch > 0 && faultsOfTouch < pages);
        isSame &= sum(mapping.address(), page) == expected;
        faults = Self.minorFaults();
        best = Long.MAX_VALUE;
        for (int pass = 0; pass < PASSES; pass++) {
            long start = System.nanoTime();
            isSame &= sum(mapping.address(), page) == expected;
            best = Math.min(best, System.nanoTime() - start);
        }
        long faultsOfLater = (Self.minorFaults() - faults) / PASSES;
        stage.step("One word of each page is looked at again in one mapping.")
                .nanos("time for a page", (double) best / pages)
                .count("page faults", faultsOfLater, "faults")
                .claim(
                        "From the second time on, mapped pages cost neither a fault nor a copy.",
                        isSame && faultsOfLater < pages / 100);
    }

    private static long read(FileChannel channel, ByteBuffer buffer, long page) throws IOException {
        long sum = 0;
        for (long offset = 0; offset < BYTES; offset += BUFFER_BYTES) {
            buffer.clear();
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, offset + buffer.position()) < 0) {
                    throw new IOException("the file is shorter than it was written");
                }
            }
            for (int at = 0; at < BUFFER_BYTES; at += (int) page) {
                sum += buffer.getLong(at);
            }
        }
        return sum;
    }

    private static long sum(long address, long page) {
        long sum = 0;
        for (long offset = 0; offset < BYTES; offset += page) {
            sum += Memory.getLong(address + offset);
        }
        return sum;
    }
}
