package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.region.Ground;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Every advice, tried on every kind of memory on this kernel.
class MemoryAdviceTest {
    private static final long PAGE = Mapping.systemPageByteSize();
    private static final long BYTES = 4L << 20; // room for an aligned huge page

    /// Where a kernel, as it is configured, may have reasons of its own.
    private static final Set<String> UP_TO_THE_KERNEL = Set.of("ok", "EINVAL", "EAGAIN", "ENOMEM", "EBUSY");

    /// What smaps shows of a range that has had an advice.
    private static final Map<MemoryAdvice, String> FLAGS = Map.of(
            MemoryAdvice.RANDOM, "rr",
            MemoryAdvice.SEQUENTIAL, "sr",
            MemoryAdvice.DONTFORK, "dc",
            MemoryAdvice.DONTDUMP, "dd",
            MemoryAdvice.WIPEONFORK, "wf",
            MemoryAdvice.MERGEABLE, "mg",
            MemoryAdvice.HUGEPAGE, "hg",
            MemoryAdvice.NOHUGEPAGE, "nh");

    private static final Map<MemoryAdvice, MemoryAdvice> UNDONE_BY = Map.of(
            MemoryAdvice.RANDOM, MemoryAdvice.NORMAL,
            MemoryAdvice.SEQUENTIAL, MemoryAdvice.NORMAL,
            MemoryAdvice.DONTFORK, MemoryAdvice.DOFORK,
            MemoryAdvice.DONTDUMP, MemoryAdvice.DODUMP,
            MemoryAdvice.WIPEONFORK, MemoryAdvice.KEEPONFORK,
            MemoryAdvice.MERGEABLE, MemoryAdvice.UNMERGEABLE,
            MemoryAdvice.HUGEPAGE, MemoryAdvice.NOHUGEPAGE,
            MemoryAdvice.NOHUGEPAGE, MemoryAdvice.HUGEPAGE);

    /// A kind of memory.
    private enum Kind {
        PRIVATE,
        SHARED,
        FILE,
        FILE_READ_ONLY,
        COPY,
        INACCESSIBLE;

        Mapping map(Path file) {
            return switch (this) {
                case PRIVATE -> Mapping.anonymous(BYTES).map();
                case SHARED -> Mapping.anonymous(BYTES).shared().map();
                case FILE -> Mapping.ofFile(file).readWrite().map();
                case FILE_READ_ONLY -> Mapping.ofFile(file).map();
                case COPY -> Mapping.ofFile(file).copyOnWrite().map();
                case INACCESSIBLE ->
                    Mapping.anonymous(BYTES).protection(Protection.NONE).map();
            };
        }
    }

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    @TestFactory
    List<DynamicTest> everyAdviceOnEveryKindOfMemory() {
        List<DynamicTest> tests = new ArrayList<>();
        for (MemoryAdvice advice : MemoryAdvice.values()) {
            for (Kind kind : Kind.values()) {
                if (!advice.needsPrivilege() || kernelLeavesFramesAlone()) {
                    tests.add(DynamicTest.dynamicTest(advice + " of " + kind, () -> advise(advice, kind)));
                }
            }
        }
        return tests;
    }

    /// A kernel without the handling of memory failures refuses [MemoryAdvice#SOFT_OFFLINE]; others would lose
    /// frames.
    private static boolean kernelLeavesFramesAlone() {
        try {
            return !Files.readString(Path.of("/proc/meminfo")).contains("HardwareCorrupted");
        } catch (IOException unreadable) {
            return false;
        }
    }

    private void advise(MemoryAdvice advice, Kind kind) throws IOException {
        Path file = Files.write(directory.resolve("data"), new byte[(int) BYTES]);
        try (Mapping mapping = kind.map(file)) {
            if (mapping.protection().isWritable()) {
                mapping.segment().fill((byte) 1);
            }
            String outcome = outcome(mapping, advice);
            Set<String> expected = runsOn(advice.sinceLinux()) ? expected(advice, kind) : Set.of("EINVAL");
            assertThat(outcome).as("%s of %s", advice, kind).isIn(expected);
            mapping.verify();
            if (outcome.equals("ok")) {
                checkEffect(mapping, advice, kind);
            } else if (mapping.protection().isWritable()) {
                assertThat(mapping.segment().get(JAVA_BYTE, PAGE)).isEqualTo((byte) 1);
            }
        }
    }

    private static String outcome(Mapping mapping, MemoryAdvice advice) {
        try {
            mapping.advise(advice);
            return "ok";
        } catch (SystemCallException refused) {
            assertThat(refused).hasMessageStartingWith("madvise(").hasMessageContaining(advice + ") failed: ");
            return refused.errnoName();
        } catch (UnsupportedOperationException refused) {
            return "refused";
        }
    }

    private static Set<String> expected(MemoryAdvice advice, Kind kind) {
        boolean privateAnonymous = kind == Kind.PRIVATE || kind == Kind.INACCESSIBLE;
        return switch (advice) {
            case FREE, WIPEONFORK -> Set.of(privateAnonymous ? "ok" : "EINVAL");
            case REMOVE ->
                switch (kind) {
                    case PRIVATE, INACCESSIBLE -> Set.of("EINVAL");
                    case FILE_READ_ONLY, COPY -> Set.of("EACCES");
                    default -> Set.of("ok");
                };
            case POPULATE_READ -> Set.of(kind == Kind.INACCESSIBLE ? "EINVAL" : "ok");
            case POPULATE_WRITE -> Set.of(kind == Kind.INACCESSIBLE || kind == Kind.FILE_READ_ONLY ? "EINVAL" : "ok");
            case GUARD_INSTALL, GUARD_REMOVE -> privateAnonymous || runsOn("6.15") ? Set.of("ok") : Set.of("EINVAL");
            case COLLAPSE, HUGEPAGE, NOHUGEPAGE, MERGEABLE, UNMERGEABLE -> UP_TO_THE_KERNEL;
            case SOFT_OFFLINE -> Set.of("EINVAL", "EPERM");
            case HWPOISON -> Set.of("refused");
            default -> Set.of("ok");
        };
    }

    private static void checkEffect(Mapping mapping, MemoryAdvice advice, Kind kind) {
        String flag = FLAGS.get(advice);
        if (flag != null && (advice != MemoryAdvice.MERGEABLE || kind == Kind.PRIVATE)) {
            assertThat(Maps.flags(mapping.address())).contains(flag);
            MemoryAdvice opposite = UNDONE_BY.get(advice);
            assertThat(opposite).isNotNull();
            if (opposite != null) {
                mapping.advise(opposite);
                assertThat(Maps.flags(mapping.address())).doesNotContain(flag);
            }
        }
        switch (advice) {
            case DONTNEED, DONTNEED_LOCKED ->
                assertThat(Maps.smapsBytes(mapping.address(), "Rss")).isZero();
            case POPULATE_READ, POPULATE_WRITE ->
                assertThat(mapping.residentBytes()).isEqualTo(BYTES);
            case GUARD_INSTALL -> {
                assertThatThrownBy(mapping::segment).isInstanceOf(IllegalStateException.class);
                mapping.advise(MemoryAdvice.GUARD_REMOVE);
            }
            default -> {}
        }
        if (kind == Kind.INACCESSIBLE) {
            return;
        }
        MemorySegment memory = mapping.segment();
        byte now = memory.get(JAVA_BYTE, PAGE);
        byte before = (byte) (kind == Kind.FILE_READ_ONLY ? 0 : 1);
        if (!advice.isDestructive()) {
            assertThat(now).isEqualTo(before);
        } else if (advice == MemoryAdvice.REMOVE || (kind == Kind.PRIVATE && advice != MemoryAdvice.FREE)) {
            assertThat(now).isZero();
        }
    }

    private static boolean runsOn(String version) {
        int[] kernel = numbers(System.getProperty("os.version"));
        return Arrays.compare(kernel, numbers(version)) >= 0;
    }

    private static int[] numbers(String version) {
        String leading = version.replaceFirst("[^0-9.].*", "");
        return Arrays.stream(leading.split("\\.", -1))
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    @Test
    void everyValueThatThisKernelTakesIsHere() {
        Set<Integer> known =
                Arrays.stream(MemoryAdvice.values()).map(MemoryAdvice::number).collect(Collectors.toSet());
        assertThat(known).hasSize(MemoryAdvice.values().length);
        try (Mapping mapping = Mapping.anonymous(PAGE).map()) {
            for (int number = -1; number < 1 << 12; number++) {
                if (number != Linux.MADV_HWPOISON && number != Linux.MADV_SOFT_OFFLINE) {
                    long result = LinuxCalls.instance().madvise(mapping.address(), PAGE, number);
                    assertThat(result == -Errno.EINVAL || known.contains(number))
                            .as("advice %d, answered with %s", number, result)
                            .isTrue();
                }
            }
        }
    }

    @Test
    void theNamesAreTheKernels() throws IllegalAccessException {
        for (MemoryAdvice advice : MemoryAdvice.values()) {
            assertThat(Arrays.stream(Linux.class.getFields())
                            .filter(field -> field.getName().equals("MADV_" + advice)))
                    .singleElement()
                    .satisfies(field -> assertThat(field.getInt(null)).isEqualTo(advice.number()));
        }
    }

    @Test
    void poisonNeverReachesTheKernel() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        try (Mapping mapping = new AnonymousMappingBuilder(calls, PAGE).map()) {
            assertThatThrownBy(() -> mapping.advise(MemoryAdvice.HWPOISON, 0, PAGE))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("until it boots again");
            assertThat(calls.count("madvise")).isZero();
        }
    }

    @Test
    void countedMappingsAreThoseOfTheKernel() {
        assumeTrue(runsOn("6.13"), "no guards");
        try (Mapping mapping = Mapping.anonymous(64 * PAGE).map()) {
            MemoryAdvice[] lasting = {
                MemoryAdvice.RANDOM,
                MemoryAdvice.SEQUENTIAL,
                MemoryAdvice.DONTFORK,
                MemoryAdvice.DONTDUMP,
                MemoryAdvice.WIPEONFORK,
                MemoryAdvice.NOHUGEPAGE,
                MemoryAdvice.HUGEPAGE
            };
            int alone = Ground.process().mappings().used();
            for (int index = 0; index < lasting.length; index++) {
                mapping.advise(lasting[index], (8L * index + 2) * PAGE, 3 * PAGE);
                assertThat(Ground.process().mappings().used() - alone).isEqualTo(kernelMappings(mapping) - 1);
            }
            assertThat(kernelMappings(mapping)).isEqualTo(2 * lasting.length + 1);
            mapping.protect(Protection.READ, PAGE, 2 * PAGE);
            assertThat(Ground.process().mappings().used() - alone).isEqualTo(kernelMappings(mapping) - 1);
            mapping.advise(MemoryAdvice.GUARD_INSTALL, 40 * PAGE, PAGE);
            mapping.verify();
            assertThat(Ground.process().mappings().used() - alone).isEqualTo(kernelMappings(mapping) - 1);
            mapping.protect(Protection.READ_WRITE);
            for (MemoryAdvice advice : lasting) {
                if (advice != MemoryAdvice.HUGEPAGE) {
                    MemoryAdvice opposite = UNDONE_BY.get(advice);
                    if (opposite != null) {
                        mapping.advise(opposite);
                    }
                }
            }
            assertThat(kernelMappings(mapping)).isEqualTo(1);
            mapping.verify();
        }
    }

    private static int kernelMappings(Mapping mapping) {
        long from = mapping.address();
        long to = from + mapping.byteSize();
        return (int) Maps.all().stream()
                .filter(kernels -> kernels.start() < to && kernels.end() > from)
                .count();
    }
}
