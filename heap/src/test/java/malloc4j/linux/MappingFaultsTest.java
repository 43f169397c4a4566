package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import malloc4j.faults.MappedRanges;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.ForwardingCalls;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.region.Ground;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Every system call that a mapping makes is made to fail, once, and with all that follow: what is reported is
/// undone, segments never allow more than the kernel, and nothing stays mapped, open or counted.
class MappingFaultsTest {
    private static final long PAGE = Mapping.systemPageByteSize();
    private static final int PAGES = 8;
    private static final Pattern CLOSE = Pattern.compile("close\\((\\d+)\\)");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path directory;

    /// As where the Java heap is full: what was mapped and opened before goes back all the same.
    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"ANONYMOUS", "FILE"})
    void anErrorHalfwayLeavesNothingMappedOrOpen(Kind kind) throws IOException {
        Path file = Files.createFile(directory.resolve("file"));
        RecordingCalls recording = new RecordingCalls(LinuxCalls.instance());
        SystemCalls throwing = new ForwardingCalls(recording) {
            @Override
            public long madvise(long address, long byteSize, int advice) {
                throw new OutOfMemoryError("Java heap space");
            }

            @Override
            public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
                if (fd >= 0) {
                    throw new OutOfMemoryError("Java heap space");
                }
                return super.mmap(address, byteSize, protection, flags, fd, offset);
            }
        };
        int mappings = Ground.process().mappings().used();
        assertThatThrownBy(() -> kind.map(throwing, file)).isInstanceOf(OutOfMemoryError.class);
        assertThat(MappedRanges.left(recording)).isEmpty();
        assertThat(recording.count("close")).isEqualTo(recording.count("open"));
        assertThat(Ground.process().mappings().used()).isEqualTo(mappings);
        assertThat(Files.size(file)).isZero();
    }

    /// What is mapped.
    private enum Kind {
        ANONYMOUS,
        FILE,
        COPY;

        Mapping map(SystemCalls calls, Path file) {
            long byteSize = PAGES * PAGE;
            return switch (this) {
                case ANONYMOUS ->
                    new AnonymousMappingBuilder(calls, byteSize)
                            .transparentHugePages(false)
                            .populate()
                            .map();
                case FILE ->
                    new FileMappingBuilder(calls, file)
                            .readWrite()
                            .offset(100)
                            .byteSize(byteSize)
                            .createOrExtend()
                            .preallocate()
                            .map();
                case COPY ->
                    new FileMappingBuilder(calls, file)
                            .copyOnWrite()
                            .offset(100)
                            .byteSize(byteSize)
                            .populate()
                            .map();
            };
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void everyFailureIsReportedAndUndoneAndLeavesNothing(Kind kind) throws IOException {
        Life whole = live(kind, new RecordingCalls(LinuxCalls.instance()), false);
        assertThat(whole.reported).isZero();
        int reported = 0;
        for (long k = 1; k <= whole.calls.count(); k++) {
            for (boolean once : new boolean[] {true, false}) {
                RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
                if (once) {
                    calls.failOnce(k, Errno.ENOMEM);
                } else {
                    calls.failFrom(k, Errno.ENOMEM);
                }
                try {
                    reported += live(kind, calls, !once).reported;
                } catch (AssertionError | RuntimeException failed) {
                    throw new AssertionError("call " + k + (once ? "" : " and all after it") + ": " + failed, failed);
                }
                assertThat(calls.injectedCount()).isPositive();
            }
        }
        System.out.printf(
                "n-th failure of a mapping, %s: %d calls, %d operations reported a failure%n",
                kind, whole.calls.count(), reported);
    }

    /// One mapping's life.
    private static final class Life {
        private final RecordingCalls calls;
        private int reported;

        Life(RecordingCalls calls) {
            this.calls = calls;
        }

        /// Does something that may fail only because a call did. Returns whether it worked.
        boolean attempt(Runnable operation) {
            long injectedBefore = calls.injectedCount();
            try {
                operation.run();
                return true;
            } catch (SystemCallException refused) {
                assertThat(refused).hasMessageContaining("ENOMEM");
                assertThat(calls.injectedCount()).isGreaterThan(injectedBefore);
                reported++;
                return false;
            }
        }
    }

    private Life live(Kind kind, RecordingCalls calls, boolean forGood) throws IOException {
        Path file = Files.write(directory.resolve(kind.name()), new byte[(int) (kind == Kind.FILE ? PAGE : 20 * PAGE)]);
        int counted = Ground.process().mappings().used();
        Life life = new Life(calls);
        Mapping[] made = new Mapping[1];
        if (life.attempt(() -> made[0] = kind.map(calls, file))) {
            use(life, made[0], kind, file);
            if (!life.attempt(made[0]::close)) {
                made[0].verify();
                calls.stopFailing();
                made[0].close();
            }
            made[0].close();
        } else {
            boolean lengthIsStuck = forGood && kind == Kind.FILE;
            assertThat(lengthIsStuck || Files.size(file) == (kind == Kind.FILE ? PAGE : 20 * PAGE))
                    .isTrue();
        }
        calls.stopFailing();
        closeWhatWasNotClosed(calls);
        if (made[0] != null || !forGood) { // when munmap is refused for good, nobody can give a mapping back
            assertThat(MappedRanges.left(calls)).as("mappings left behind").isEmpty();
            assertThat(Ground.process().mappings().used()).isEqualTo(counted);
        }
        MappedRanges.left(calls).forEach((from, to) -> LinuxCalls.instance().munmap(from, to - from));
        Ground.process().mappings().release(Ground.process().mappings().used() - counted); // of those
        assertThat(Maps.all()).noneMatch(mapping -> mapping.name().startsWith(directory.toString()));
        assertThat(openFiles()).isEmpty();
        return life;
    }

    private static void use(Life life, Mapping mapping, Kind kind, Path file) throws IOException {
        mapping.segment().fill((byte) 9);
        check(mapping);
        long head = mapping.address() % PAGE == 0 ? 0 : PAGE - 100;
        life.attempt(() -> mapping.protect(Protection.NONE, head + PAGE, 2 * PAGE));
        check(mapping);
        life.attempt(() -> mapping.protect(Protection.READ, head, 4 * PAGE));
        check(mapping);
        life.attempt(() -> mapping.advise(MemoryAdvice.GUARD_INSTALL, head + 5 * PAGE, PAGE));
        check(mapping);
        life.attempt(() -> mapping.advise(MemoryAdvice.DONTDUMP, 0, 2 * PAGE));
        check(mapping);
        life.attempt(() -> mapping.protect(Protection.READ_WRITE));
        check(mapping);
        life.attempt(() -> mapping.advise(MemoryAdvice.GUARD_REMOVE));
        life.attempt(() -> mapping.advise(MemoryAdvice.DODUMP));
        check(mapping);
        life.attempt(mapping::flush);
        life.attempt(() -> assertThat(mapping.residentBytes()).isPositive());
        life.attempt(() -> mapping.advise(MemoryAdvice.WILLNEED));
        check(mapping);
        for (long byteSize : new long[] {10 * PAGE, 3 * PAGE, 6 * PAGE + 1}) {
            resize(life, mapping, byteSize, kind == Kind.FILE, file);
            check(mapping);
        }
    }

    private static void resize(Life life, Mapping mapping, long byteSize, boolean withFile, Path file)
            throws IOException {
        long before = mapping.byteSize();
        long lengthBefore = Files.size(file);
        boolean done;
        try {
            done = life.attempt(() -> {
                if (withFile) {
                    mapping.resizeWithFile(byteSize);
                } else {
                    mapping.resize(byteSize);
                }
            });
        } catch (IllegalStateException inParts) { // an earlier failure has left it so
            assertThat(inParts).hasMessageContaining("mappings in the kernel");
            done = false;
        }
        if (done) {
            assertThat(mapping.byteSize()).isEqualTo(byteSize);
            assertThat(Files.size(file)).isEqualTo(withFile ? 100 + byteSize : lengthBefore);
        } else if (life.calls.injectedCount() == 1) {
            assertThat(mapping.byteSize()).isEqualTo(before);
            assertThat(Files.size(file)).isEqualTo(lengthBefore);
        }
        assertThat(Files.size(file))
                .as("no page of the mapping is past the end of the file")
                .satisfies(length -> {
                    if (withFile) {
                        assertThat(length).isGreaterThanOrEqualTo(100 + mapping.byteSize());
                    }
                });
    }

    /// Whether segments allow no more than the kernel does, page by page.
    private static void check(Mapping mapping) {
        mapping.verify();
        List<Maps.Mapping> kernels = Maps.all();
        for (long offset = 0; offset < mapping.byteSize(); offset += PAGE) {
            long at = offset;
            MemorySegment page = segmentOrNull(mapping, at);
            if (page != null) {
                String permissions = kernels.stream()
                        .filter(kernel -> kernel.contains(mapping.address() + at))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError("not mapped at " + at))
                        .permissions();
                assertThat(permissions).startsWith(page.isReadOnly() ? "r" : "rw");
                byte unused = page.get(JAVA_BYTE, 0);
            }
        }
    }

    private static @Nullable MemorySegment segmentOrNull(Mapping mapping, long offset) {
        try {
            return mapping.segment(offset, 1);
        } catch (IllegalStateException refused) {
            return null;
        }
    }

    private static void closeWhatWasNotClosed(RecordingCalls calls) {
        for (RecordingCalls.Call call : calls.transcript()) {
            Matcher close = CLOSE.matcher(call.text());
            if (call.injected() && close.matches()) {
                LinuxCalls.instance().close(Integer.parseInt(close.group(1)));
            }
        }
    }

    private List<String> openFiles() throws IOException {
        try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
            return links.map(MappingFaultsTest::target)
                    .filter(name -> name.startsWith(directory.toString()))
                    .toList();
        }
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException gone) {
            return "";
        }
    }

    // Half way

    @Test
    void aProtectionThatFailsHalfWayIsUndone() {
        try (Mapping mapping = new AnonymousMappingBuilder(halfway("mprotect", 1), 4 * PAGE).map()) {
            mapping.segment().fill((byte) 4);
            assertThatThrownBy(() -> mapping.protect(Protection.NONE)).isInstanceOf(SystemCallException.class);
            assertThat(Maps.at(mapping.address()).permissions()).isEqualTo("rw-p");
            assertThat(mapping.segment().isReadOnly()).isFalse();
            mapping.segment().set(JAVA_BYTE, 0, (byte) 5);
            check(mapping);
        }
    }

    @Test
    void whatCannotBeUndoneIsNotAllowedAnyMore() {
        try (Mapping mapping = new AnonymousMappingBuilder(halfway("mprotect", 2), 4 * PAGE).map()) {
            MemorySegment before = mapping.segment();
            assertThatThrownBy(() -> mapping.protect(Protection.READ)).isInstanceOf(SystemCallException.class);
            assertThatIllegalStateException().isThrownBy(() -> before.get(JAVA_BYTE, 0));
            assertThat(mapping.protection()).isEqualTo(Protection.READ);
            assertThat(mapping.segment().isReadOnly()).isTrue();
            check(mapping);
            mapping.protect(Protection.READ_WRITE);
            mapping.segment().set(JAVA_BYTE, 0, (byte) 5);
            check(mapping);
        }
    }

    @Test
    void aGuardThatIsInstalledHalfWayIsTakenAwayAgainOrCountsAsOne() {
        for (int failures : new int[] {1, 2}) {
            try (Mapping mapping = new AnonymousMappingBuilder(halfway("madvise", failures), 4 * PAGE).map()) {
                mapping.segment().fill((byte) 4);
                assertThatThrownBy(() -> mapping.advise(MemoryAdvice.GUARD_INSTALL))
                        .isInstanceOf(SystemCallException.class);
                if (failures == 1) {
                    mapping.segment().fill((byte) 5);
                } else {
                    assertThatIllegalStateException().isThrownBy(mapping::segment);
                    mapping.advise(MemoryAdvice.GUARD_REMOVE);
                    mapping.segment().fill((byte) 5);
                }
                check(mapping);
            }
        }
    }

    /// Calls of which the first few of one name are performed for the first half of their range, and then fail.
    private static SystemCalls halfway(String name, int failures) {
        int[] left = {failures};
        Function<Object[], Object[]> half = arguments -> {
            Object[] changed = arguments.clone();
            changed[1] = (long) arguments[1] / 2;
            return changed;
        };
        return (SystemCalls) Proxy.newProxyInstance(
                SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    try {
                        if (method.getName().equals(name) && left[0] > 0) {
                            left[0]--;
                            Object unused = method.invoke(LinuxCalls.instance(), half.apply(arguments));
                            return (long) -Errno.ENOMEM;
                        }
                        return method.invoke(LinuxCalls.instance(), arguments);
                    } catch (InvocationTargetException thrown) {
                        throw new AssertionError(thrown);
                    }
                });
    }

    @Test
    void anAddressThatAnOldKernelTakesForAHintIsGivenBack() {
        SystemCalls old = (SystemCalls) Proxy.newProxyInstance(
                SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("mmap")) {
                        arguments[0] = 0L;
                        arguments[3] = (int) arguments[3] & ~Linux.MAP_FIXED_NOREPLACE;
                    }
                    return method.invoke(LinuxCalls.instance(), arguments);
                });
        RecordingCalls calls = new RecordingCalls(old);
        assertThatThrownBy(() ->
                        new AnonymousMappingBuilder(calls, PAGE).at(1L << 33).map())
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("EEXIST");
        assertThat(calls.count("munmap")).isEqualTo(1);
    }
}
