package malloc4j.linux;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import malloc4j.faults.JavaHeapFiller;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.ForwardingCalls;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.Ground;
import org.jspecify.annotations.Nullable;

/// Runs what takes mappings, descriptors and locks with the Java heap full but for some bytes, a few more each time,
/// so that one allocation after the other is the first that fails. Whatever was handed out is closed afterwards; then
/// the kernel has all back, nothing is counted, and the same operation works.
///
/// Argument: how many rounds each operation has.
final class NothingLostChild {
    private static final int SMALLEST_BYTES = 16; // of an object
    private static final int MOST_BYTES = 48 << 10;
    private static final int MOST_OPEN = 8;
    private static final long PAGE = 4096;
    private static final String NAME =
            "/malloc4j-full-" + ProcessHandle.current().pid();

    private final CountingCalls calls = new CountingCalls(LinuxCalls.instance());
    private final SystemCalls withoutSecretFiles = new ForwardingCalls(calls) {
        @Override
        public long memfdSecret(int flags) {
            return -Errno.ENOSYS;
        }
    };
    private final SharedMemoryDirectory names = new SharedMemoryDirectory(calls, SharedMemoryDirectory.SYSTEM);
    private final Path file;
    private final @Nullable AutoCloseable[] open = new AutoCloseable[MOST_OPEN];
    private int openCount;

    private NothingLostChild(Path file) {
        this.file = file;
    }

    /// What is tried. What it takes it hands to `keep`, at once.
    private interface Operation {
        void run(NothingLostChild test);
    }

    private static Map<String, Operation> operations() {
        Map<String, Operation> all = new LinkedHashMap<>();
        all.put("secret", test -> use(test.keep(SecretMemory.create(test.calls, 100, bytes -> bytes.fill((byte) 1)))));
        all.put(
                "secret that is not hidden",
                test -> use(test.keep(SecretMemory.create(test.withoutSecretFiles, 100, bytes -> {}))));
        all.put("lock", test -> {
            Mapping memory = test.keep(new AnonymousMappingBuilder(test.calls, 8 * PAGE).map());
            MemoryLock first = test.keep(MemoryLock.lock(test.calls, memory.address(), 4 * PAGE, false, memory));
            MemoryLock second =
                    test.keep(MemoryLock.lock(test.calls, memory.address() + 2 * PAGE, 4 * PAGE, true, memory));
            MemoryLock.lockAll(test.calls, EnumSet.of(MemoryLock.LockAll.CURRENT, MemoryLock.LockAll.ON_FAULT));
            MemoryLock.unlockAll(test.calls);
            first.close();
            second.close();
            memory.close();
        });
        all.put("anonymous mapping", test -> {
            Mapping mapping = test.keep(new AnonymousMappingBuilder(test.calls, 8 * PAGE)
                    .transparentHugePages(false)
                    .populate()
                    .map());
            mapping.segment().fill((byte) 1);
            mapping.protect(Protection.READ, PAGE, 2 * PAGE);
            mapping.advise(MemoryAdvice.DONTDUMP, 5 * PAGE, PAGE);
            mapping.protect(Protection.READ_WRITE);
            mapping.advise(MemoryAdvice.DODUMP);
            mapping.resize(2 * PAGE);
            mapping.segment().fill((byte) 1);
            mapping.close();
        });
        all.put("file mapping", test -> {
            Mapping mapping = test.keep(new FileMappingBuilder(test.calls, test.file)
                    .readWrite()
                    .createOrExtend()
                    .byteSize(3 * PAGE)
                    .map());
            mapping.segment().fill((byte) 1);
            mapping.resizeWithFile(9 * PAGE);
            mapping.segment().fill((byte) 1);
            mapping.resizeWithFile(2 * PAGE);
            mapping.close();
        });
        all.put("anonymous shared memory", test -> {
            SharedMemory memory =
                    test.keep(AnonymousMemory.create(test.calls, "full", 4 * PAGE, SharedMemoryOptions.defaults()));
            test.keep(memory.map()).segment().fill((byte) 1);
            test.keep(AnonymousMemory.openProcess(
                    test.calls, ProcessHandle.current().pid(), memory.fd(), SharedMemory.Access.READ_ONLY));
        });
        all.put("named shared memory", test -> {
            SharedMemory memory = test.keep(test.names.create(NAME, 4 * PAGE, SharedMemoryOptions.defaults()));
            memory.hold(900);
            memory.resize(8 * PAGE);
            test.keep(test.names.open(NAME, SharedMemory.Access.READ_ONLY));
            test.names.status(NAME);
            test.names.removeStale(NAME);
            test.names.list();
        });
        return all;
    }

    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        Path file = Files.createTempFile("full-heap", ".bytes");
        try {
            for (Map.Entry<String, Operation> each : operations().entrySet()) {
                int refused = new NothingLostChild(file).tryOut(each.getKey(), each.getValue(), rounds);
                System.out.println(each.getKey() + ": " + refused + " of " + rounds + " refused");
            }
        } finally {
            Files.delete(file);
        }
        System.out.println("passed");
    }

    private int tryOut(String what, Operation operation, int rounds) throws Exception {
        operation.run(this);
        requireNothingLeft(what + ", with room");
        int refused = 0;
        for (int round = 0; round < rounds; round++) {
            Throwable failed = null;
            JavaHeapFiller.fill(room(round, rounds));
            try {
                operation.run(this);
            } catch (OutOfMemoryError | SystemCallException full) {
                failed = full;
            }
            JavaHeapFiller.empty();
            refused += failed == null ? 0 : 1;
            try {
                requireNothingLeft(what + ", round " + round);
                operation.run(this);
                requireNothingLeft(what + ", after round " + round);
            } catch (Throwable wrong) {
                if (failed != null) {
                    wrong.addSuppressed(failed);
                }
                throw wrong;
            }
        }
        return refused;
    }

    /// Half of the rounds differ by one object, from nothing on; the others go on in larger and larger steps.
    private static int room(int round, int rounds) {
        int half = rounds / 2;
        long further = round - half + 1L;
        return round < half
                ? round * SMALLEST_BYTES
                : (int) (MOST_BYTES * further * further / ((long) (rounds - half) * (rounds - half)));
    }

    private static void use(SecretMemory secret) {
        try (SecretMemory.Access access = secret.readWrite()) {
            access.segment().fill((byte) 2);
        }
        secret.verify();
        secret.close();
    }

    private <T extends AutoCloseable> T keep(T opened) {
        open[openCount++] = opened;
        return opened;
    }

    private void requireNothingLeft(String when) throws Exception {
        MemoryLock.unlockAll(calls);
        while (openCount > 0) {
            openCount--;
            AutoCloseable last = open[openCount];
            open[openCount] = null;
            if (last != null) {
                last.close();
            }
        }
        names.unlink(NAME);
        Files.write(file, new byte[0]);
        require(calls.mappedBytes() == 0, when, calls.mappedBytes() + " bytes are mapped");
        require(calls.openFiles() == 0, when, calls.openFiles() + " files are open");
        require(MemoryLock.verify() == 0, when, "locks are counted");
        require(Maps.statusBytes("VmLck") == 0, when, Maps.statusBytes("VmLck") + " bytes are locked");
        int counted = Ground.process().mappings().used();
        require(counted == 0, when, counted + " mappings are counted");
    }

    private static void require(boolean condition, String when, String what) {
        if (!condition) {
            throw new AssertionError(when + ": " + what);
        }
    }
}
