package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.linux.SharedMemory.Access;
import malloc4j.linux.SharedMemory.Liveness;
import malloc4j.linux.SharedMemory.Seal;
import malloc4j.linux.SharedMemory.Status;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Shared memory on the real kernel, with both ends in this process: what each operation does, refuses and gives
/// back.
class SharedMemoryTest {
    private static final long PAGE = LinuxCalls.instance().sysconf(Linux._SC_PAGESIZE);

    private final String name = "/malloc4j-test-" + ProcessHandle.current().pid();
    private final SharedMemoryDirectory directory =
            new SharedMemoryDirectory(LinuxCalls.instance(), SharedMemoryDirectory.SYSTEM);
    private List<String> openBefore = List.of();

    @BeforeEach
    void noteWhatIsOpen() throws IOException {
        openBefore = Footprint.files();
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        SharedMemory.unlink(name);
        assertThat(Footprint.files()).as("descriptors and mappings left behind").isEqualTo(openBefore);
    }

    private static SharedMemoryOptions.Builder options() {
        return SharedMemoryOptions.builder();
    }

    private Status status() {
        return SharedMemory.status(name).orElseThrow();
    }

    // Creating and opening.

    @Test
    void moreThanTheMachineHasIsRefusedBeforeAPageIsTaken() throws IOException {
        List<String> before = Footprint.files();
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        for (long byteSize : new long[] {1L << 45, SharedMemory.MAX_BYTE_SIZE}) { // the kernel would end this JVM
            assertThatThrownBy(
                            () -> AnonymousMemory.create(calls, "too-large", byteSize, SharedMemoryOptions.defaults()))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining("byteSize=" + byteSize + ") failed: ENOMEM")
                    .hasMessageContaining("ask for less, or switch the option reserve off");
        }
        assertThat(calls.count("fallocate")).isZero();
        assertThat(Footprint.files()).isEqualTo(before);
    }

    @Test
    void newMemoryIsZeroAndWhoOpensItSeesWhatIsWritten() {
        try (SharedMemory memory = SharedMemory.create(name, 3 * PAGE + 5);
                SharedMemory peer = SharedMemory.open(name, Access.READ_ONLY);
                Mapping writable = memory.map();
                Mapping readable = peer.map()) {
            assertThat(writable.segment().mismatch(MemorySegment.ofArray(new byte[(int) (3 * PAGE + 5)])))
                    .isEqualTo(-1);
            writable.segment().set(JAVA_BYTE, 3 * PAGE + 4, (byte) 42);
            assertThat(readable.segment().get(JAVA_BYTE, 3 * PAGE + 4)).isEqualTo((byte) 42);
            assertThat(List.of(memory.isCreator(), peer.isCreator())).containsExactly(true, false);
            assertThat(List.of(memory.byteSize(), peer.byteSize())).containsOnly(3 * PAGE + 5);
            assertThat(memory.name()).hasValue(name);
            assertThat(memory.path()).isEqualTo("/dev/shm" + name);
            assertThat(peer.access()).isEqualTo(Access.READ_ONLY);
            assertThat(peer).hasToString("shared memory " + name);
        }
    }

    @Test
    void openOrCreateOpensWhatThereIs() {
        SharedMemoryOptions options = options().mode(0640).build();
        try (SharedMemory first = SharedMemory.openOrCreate(name, 5000, options);
                SharedMemory second = SharedMemory.openOrCreate(name, 9000, SharedMemoryOptions.defaults())) {
            assertThat(first.isCreator()).isTrue();
            assertThat(second.isCreator()).isFalse();
            assertThat(second.byteSize()).isEqualTo(5000);
            assertThat(second.mode()).isEqualTo(0640 & ~umask());
        }
    }

    @Test
    void manyThreadsThatOpenOrCreateShareOneSegment() throws Exception {
        AtomicInteger creators = new AtomicInteger();
        Callable<?> openOrCreate = () -> {
            for (int round = 0; round < 50; round++) {
                try (SharedMemory memory = SharedMemory.openOrCreate(name, 4096, SharedMemoryOptions.defaults())) {
                    assertThat(memory.byteSize()).as("complete").isEqualTo(4096);
                    creators.addAndGet(memory.isCreator() ? 1 : 0);
                }
            }
            return null;
        };
        runTogether(Collections.nCopies(8, openOrCreate));
        assertThat(creators).hasValue(1);
    }

    @Test
    void aNameIsRemovedOnceOrOpenedHoweverManyTry() throws Exception {
        for (int round = 0; round < 200; round++) {
            SharedMemory.create(name, 1).close();
            AtomicInteger removed = new AtomicInteger();
            Callable<?> remove = () -> removed.addAndGet(SharedMemory.removeStale(name) ? 1 : 0);
            Callable<?> open = () -> {
                try (SharedMemory memory = SharedMemory.open(name, Access.READ_WRITE)) {
                    assertThat(SharedMemory.removeStale(name)).isFalse();
                    assertThat(Files.exists(Path.of(memory.path())))
                            .as("still named")
                            .isTrue();
                } catch (SystemCallException gone) {
                    assertThat(gone.errno()).isEqualTo(Errno.ENOENT);
                }
                return null;
            };
            runTogether(List.of(remove, open, remove, remove));
            remove.call();
            assertThat(removed).hasValue(1);
        }
    }

    private static void runTogether(List<Callable<?>> tasks) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(tasks.size())) {
            List<Future<?>> results = new ArrayList<>();
            tasks.forEach(task -> results.add(threads.submit(task)));
            for (Future<?> result : results) {
                result.get();
            }
        }
    }

    @Test
    void creatingIsExclusive() {
        SharedMemory first = SharedMemory.create(name, 10);
        String refused = "link(path=/dev/shm" + name + ") failed: EEXIST (already exists); ";
        assertThatThrownBy(() -> SharedMemory.create(name, 10))
                .isInstanceOfSatisfying(
                        SystemCallException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EEXIST))
                .hasMessage(refused + "process " + ProcessHandle.current().pid()
                        + " created it and lives: open it, or take another name");
        first.close();
        assertThatThrownBy(() -> SharedMemory.create(name, 10))
                .hasMessage(refused + "nobody has it any more: removeStale(\"" + name + "\"), and try again");
        try (SharedMemory user = SharedMemory.open(name, Access.READ_ONLY)) {
            assertThat(user.creatorPid()).isEmpty();
            assertThatThrownBy(() -> SharedMemory.create(name, 10))
                    .hasMessage(refused
                            + "its creator is gone and others still use it: open it, or unlink it and try again");
        }
    }

    @Test
    void whatIsNotThereCannotBeOpened(@TempDir Path elsewhere) {
        assertThatThrownBy(() -> SharedMemory.open(name, Access.READ_WRITE))
                .isInstanceOf(SystemCallException.class)
                .hasMessage("open(path=/dev/shm" + name + ", O_RDWR) failed: ENOENT (no such file or directory); "
                        + "nobody has created it, or it was removed");
        assertThat(SharedMemory.unlink(name)).isFalse();
        assertThat(SharedMemory.removeStale(name)).isFalse();
        assertThat(SharedMemory.status(name)).isEmpty();

        String missing = elsewhere.resolve("missing").toString();
        SharedMemoryDirectory nowhere = new SharedMemoryDirectory(LinuxCalls.instance(), missing);
        assertThatThrownBy(() -> nowhere.open(name, Access.READ_WRITE))
                .hasMessageEndingWith(missing + " is missing: mount a tmpfs there");
        assertThatThrownBy(() -> nowhere.create(name, 10, SharedMemoryOptions.defaults()))
                .hasMessage("open(path=" + missing + ", O_TMPFILE|O_RDWR) failed: ENOENT (no such file or directory); "
                        + missing + " is missing: mount a tmpfs there, or use anonymous memory");
        assertThatThrownBy(nowhere::list)
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining(missing + " is missing");
    }

    @Test
    void whatIsNoFileIsNoSharedMemory() throws Exception {
        Path path = Path.of("/dev/shm" + name);
        Files.createDirectory(path);
        try {
            assertThatIllegalStateException().isThrownBy(() -> SharedMemory.open(name, Access.READ_WRITE));
            assertThatIllegalStateException()
                    .isThrownBy(() -> SharedMemory.open(name, Access.READ_ONLY))
                    .withMessage(path + " is a directory, not a regular file, so it is no shared memory");
            assertThat(SharedMemory.removeStale(name)).isFalse();
            assertThat(SharedMemory.list()).extracting(Status::name).doesNotContain(name);
        } finally {
            Files.delete(path);
        }
        Files.createSymbolicLink(path, Path.of("/etc/passwd"));
        assertThatThrownBy(() -> SharedMemory.open(name, Access.READ_ONLY))
                .hasMessageEndingWith("it is a symbolic link, which is not followed");
        Files.delete(path);
        assertThat(new ProcessBuilder("mkfifo", path.toString()).start().waitFor())
                .isZero();
        for (Access access : Access.values()) {
            assertThatIllegalStateException().isThrownBy(() -> SharedMemory.open(name, access)); // and at once
        }
    }

    @Test
    void namesArePosix() {
        Map<String, String> wrong = Map.of(
                "prices",
                "does not begin with a slash: use \"/prices\"",
                "",
                "does not begin with a slash: use \"/\"",
                "/",
                "has nothing after the slash",
                "/a/b",
                "has a second slash: there are no directories in it",
                "//a",
                "has a second slash: there are no directories in it",
                "/.",
                "stands for a directory",
                "/..",
                "stands for a directory",
                "/a\0b",
                "has a zero character, which ends a name",
                "/\ud800",
                "has half a surrogate pair",
                "/" + "é".repeat(128),
                "has 256 bytes in UTF-8 after the slash, more than 255");
        wrong.forEach((bad, why) -> {
            String message = "name \"" + bad + "\" of shared memory " + why;
            List<Runnable> operations = List.of(
                    () -> SharedMemory.create(bad, 1).close(),
                    () -> SharedMemory.open(bad, Access.READ_ONLY).close(),
                    () -> SharedMemory.openOrCreate(bad, 1, SharedMemoryOptions.defaults())
                            .close(),
                    () -> SharedMemory.unlink(bad),
                    () -> SharedMemory.removeStale(bad),
                    () -> SharedMemory.status(bad));
            operations.forEach(operation -> assertThatIllegalArgumentException()
                    .isThrownBy(operation::run)
                    .withMessage(message));
        });
        String longest = "/" + "é".repeat(127) + "x";
        SharedMemory.create(longest, 1).close();
        assertThat(SharedMemory.list()).extracting(Status::name).contains(longest);
        assertThat(SharedMemory.removeStale(longest)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -1, Long.MIN_VALUE, (1L << 46) + 1, Long.MAX_VALUE})
    void sizesHaveARange(long byteSize) {
        String message = "byteSize=" + byteSize + " is not from 1 to 70368744177664 bytes";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SharedMemory.create(name, byteSize))
                .withMessage(message);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SharedMemory.anonymous("test", byteSize))
                .withMessage(message);
        try (SharedMemory memory = SharedMemory.anonymous("test", 1)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> memory.resize(byteSize))
                    .withMessage(message);
        }
    }

    @Test
    void optionsAreChecked() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> options().mode(01000).build())
                .withMessage("mode 01000 is not from 0 to 0777 (octal)");
        for (long huge : new long[] {-1, 1, 4096, 3 << 20, Long.MIN_VALUE}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> options().hugePageBytes(huge).build())
                    .withMessage("option hugePageBytes=" + huge + " is neither 0 nor a power of two of at least 65536");
        }
        SharedMemoryOptions huge = options().hugePageBytes(2 << 20).build();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SharedMemory.create(name, 2 << 20, huge))
                .withMessage("option hugePageBytes=2097152 is for anonymous memory only");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SharedMemory.anonymous("test", 4096, huge))
                .withMessage("byteSize=4096 bytes is not a multiple of hugePageBytes=2097152");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SharedMemory.anonymous(
                        "test", 1, options().persistent(true).build()))
                .withMessage("option persistent is for named memory only");
    }

    // Options.

    @Test
    void pagesAreAllocatedAtOnceUnlessThatIsSwitchedOff() {
        try (SharedMemory memory = SharedMemory.create(name, 10 * PAGE)) {
            assertThat(status().allocatedBytes()).isEqualTo(10 * PAGE);
            memory.resize(12 * PAGE);
            assertThat(status().allocatedBytes()).isEqualTo(12 * PAGE);
        }
        SharedMemory.unlink(name);
        SharedMemoryOptions thin = options().reserve(false).build();
        try (SharedMemory memory = SharedMemory.create(name, 1L << 40, thin);
                Mapping mapping = memory.map()) {
            assertThat(status().byteSize()).isEqualTo(1L << 40);
            assertThat(status().allocatedBytes()).isZero();
            mapping.segment().set(JAVA_BYTE, 1L << 39, (byte) 1);
            assertThat(status().allocatedBytes()).isEqualTo(PAGE);
            memory.resize(1L << 41);
            assertThat(status().allocatedBytes()).isEqualTo(PAGE);
        }
    }

    @Test
    void reservingGoesOnWhenSignalsInterruptIt() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        for (int nth = 1; nth <= 3; nth++) {
            calls.failOnce("fallocate", nth, Errno.EINTR);
        }
        calls.failOnce("fallocate", 5, Errno.EINTR);
        try (SharedMemory memory =
                AnonymousMemory.create(calls, "test", (8 << 20) + 1, SharedMemoryOptions.defaults())) {
            assertThat(memory.byteSize()).isEqualTo((8 << 20) + 1);
            assertThat(calls.calls("fallocate").stream().map(call -> call.substring(call.indexOf("0, "))))
                    .startsWith(
                            "0, 0, 8388609)",
                            "0, 0, 4194304)",
                            "0, 0, 2097152)",
                            "0, 0, 1048576)",
                            "0, 1048576, 1048576)")
                    .endsWith("0, 8388608, 1)");
        }
    }

    @Test
    void growingThatFailsHalfWayLeavesTheSize() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        try (SharedMemory memory = AnonymousMemory.create(calls, "test", 5000, SharedMemoryOptions.defaults())) {
            calls.failOnce("fallocate", 1, Errno.EINTR);
            calls.failOnce("fallocate", 3, Errno.ENOMEM);
            assertThatThrownBy(() -> memory.resize(10 << 20))
                    .hasMessage("fallocate(" + memory + ", offset=5000, byteSize=10480760) failed: ENOMEM "
                            + "(out of memory, address space, mappings or a limit, or the range is not mapped); "
                            + "neither the machine nor the memory limit of this cgroup has so much left: ask for less, "
                            + "or switch the option reserve off");
            assertThat(calls.count("fallocate"))
                    .as("one to create, three to grow")
                    .isEqualTo(4);
            assertThat(memory.byteSize()).isEqualTo(5000);
        }
    }

    @Test
    void contentsAreThereBeforeTheNameIs() {
        SharedMemoryOptions options = options()
                .contents(segment -> {
                    assertThat(SharedMemory.status(name)).as("not yet named").isEmpty();
                    assertThat(segment.byteSize()).isEqualTo(5000);
                    segment.set(JAVA_LONG, 8, 4711);
                })
                .build();
        try (SharedMemory memory = SharedMemory.create(name, 5000, options);
                SharedMemory peer = SharedMemory.open(name, Access.READ_ONLY);
                Mapping mapping = peer.map()) {
            assertThat(mapping.segment().get(JAVA_LONG, 8)).isEqualTo(4711);
            assertThat(memory.byteSize()).isEqualTo(5000);
        }
    }

    @Test
    void contentsThatThrowLeaveNothingBehind() {
        SharedMemoryOptions options = options()
                .contents(segment -> {
                    throw new UnsupportedOperationException("no contents");
                })
                .build();
        assertThatThrownBy(() -> SharedMemory.create(name, 5000, options)).hasMessage("no contents");
        assertThatThrownBy(() -> SharedMemory.anonymous("test", 5000, options)).hasMessage("no contents");
        assertThat(SharedMemory.status(name)).isEmpty();
    }

    @Test
    void theUmaskNarrowsTheModeOfANameAndSettingItDoesNot() {
        int umask = umask();
        try (SharedMemory memory =
                SharedMemory.create(name, 1, options().mode(0777).build())) {
            assertThat(memory.mode()).isEqualTo(0777 & ~umask);
            memory.setMode(0666);
            assertThat(memory.mode()).isEqualTo(0666);
            assertThat(status().liveness()).as("still marked").isEqualTo(Liveness.CREATOR_LIVES);
            assertThatIllegalArgumentException().isThrownBy(() -> memory.setMode(-1));
        }
        try (SharedMemory memory =
                SharedMemory.anonymous("test", 1, options().mode(0666).build())) {
            assertThat(memory.mode()).isEqualTo(0666);
        }
        try (SharedMemory memory = SharedMemory.anonymous("test", 1)) {
            assertThat(memory.mode()).isEqualTo(0600);
        }
    }

    private static int umask() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("Umask:")) {
                    return Integer.parseInt(line.substring("Umask:".length()).strip(), 8);
                }
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("no umask");
    }

    // Access.

    @Test
    void whatIsOpenedReadOnlyCannotBeWrittenResizedSealedOrHeld() {
        SharedMemory.create(name, 5000).close();
        try (SharedMemory memory = SharedMemory.open(name, Access.READ_ONLY);
                Mapping mapping = memory.map()) {
            assertThatThrownBy(() -> mapping.segment().set(JAVA_BYTE, 0, (byte) 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("read-only");
            assertThatIllegalStateException()
                    .isThrownBy(() -> memory.map(Access.READ_WRITE))
                    .withMessage(memory + " was opened READ_ONLY and cannot be mapped for writing");
            assertThatIllegalStateException()
                    .isThrownBy(() -> memory.resize(1))
                    .withMessage(memory + " was opened READ_ONLY and cannot be resized");
            assertThatIllegalStateException().isThrownBy(() -> memory.seal(Seal.GROW));
            assertThatIllegalStateException().isThrownBy(() -> memory.hold(0));
            assertThat(memory.holder(0)).isEmpty();
        }
    }

    @Test
    void partsAreMapped() {
        try (SharedMemory memory = SharedMemory.create(name, 4 * PAGE + 100);
                Mapping all = memory.map();
                Mapping middle = memory.map(Access.READ_WRITE, PAGE, 2 * PAGE + 10);
                Mapping end = memory.map(Access.READ_ONLY, 4 * PAGE, 100)) {
            middle.segment().set(JAVA_LONG, 0, 1);
            middle.segment().set(JAVA_BYTE, 2 * PAGE + 9, (byte) 2);
            all.segment().set(JAVA_BYTE, 4 * PAGE + 99, (byte) 3);
            assertThat(all.segment().get(JAVA_LONG, PAGE)).isEqualTo(1);
            assertThat(all.segment().get(JAVA_BYTE, 3 * PAGE + 9)).isEqualTo((byte) 2);
            assertThat(end.segment().get(JAVA_BYTE, 99)).isEqualTo((byte) 3);
            assertThatThrownBy(() -> middle.segment().get(JAVA_BYTE, 2 * PAGE + 10))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            long[][] outside = {
                {0, 4 * PAGE + 101},
                {-PAGE, PAGE},
                {0, 0},
                {0, -1},
                {4 * PAGE, 101},
                {8 * PAGE, 1},
                {Long.MIN_VALUE, Long.MAX_VALUE},
                {PAGE, Long.MAX_VALUE}
            };
            for (long[] range : outside) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> memory.map(Access.READ_WRITE, range[0], range[1]))
                        .withMessage("range of byteSize=" + range[1] + " at offset=" + range[0] + " is not inside the "
                                + (4 * PAGE + 100) + " bytes of shared memory " + name);
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> memory.map(Access.READ_WRITE, 8, 8))
                    .withMessage("offset=8 is not a multiple of the page size, " + PAGE + " bytes");
        }
    }

    @Test
    void mappingsLiveOnWhenTheOpeningIsClosedAndTheNameIsGone() {
        SharedMemory memory = SharedMemory.create(name, PAGE);
        Mapping mapping = memory.map();
        memory.close();
        SharedMemory.unlink(name);
        mapping.segment().set(JAVA_LONG, 0, 5);
        assertThat(mapping.segment().get(JAVA_LONG, 0)).isEqualTo(5);
        mapping.close();
    }

    @Test
    void whatIsClosedRefusesAndClosingAgainIsHarmless() {
        SharedMemory memory = SharedMemory.anonymous("test", 1);
        memory.close();
        memory.close();
        List<Runnable> operations = List.of(
                memory::fd,
                memory::byteSize,
                memory::mode,
                () -> memory.setMode(0600),
                () -> memory.resize(2),
                () -> memory.seal(Seal.GROW),
                memory::seals,
                memory::map,
                () -> memory.map(Access.READ_ONLY, 0, 1),
                () -> memory.hold(1),
                () -> memory.holder(1),
                memory::creatorPid);
        for (Runnable operation : operations) {
            assertThatIllegalStateException().isThrownBy(operation::run).withMessage(memory + " is closed");
        }
    }

    // Size.

    @Test
    void resizingKeepsContentsAndAddsZeroes() {
        try (SharedMemory memory = SharedMemory.create(name, 100)) {
            try (Mapping mapping = memory.map()) {
                mapping.segment().fill((byte) 7);
            }
            memory.resize(3 * PAGE);
            memory.resize(50);
            memory.resize(2 * PAGE);
            try (Mapping mapping = memory.map()) {
                assertThat(mapping.byteSize()).isEqualTo(2 * PAGE);
                MemorySegment segment = mapping.segment();
                assertThat(segment.asSlice(0, 50).toArray(JAVA_BYTE)).containsOnly(7);
                assertThat(segment.asSlice(50).toArray(JAVA_BYTE)).containsOnly(0);
            }
        }
    }

    @Test
    void aPageThatShrinkingTookAwayIsAnErrorOfJavaAndSealingForbidsThat() {
        try (SharedMemory memory = SharedMemory.anonymous("test", 2 * PAGE);
                Mapping mapping = memory.map()) {
            mapping.segment().set(JAVA_LONG, PAGE, 1);
            memory.resize(PAGE);
            assertThatThrownBy(() -> mapping.segment().get(JAVA_LONG, PAGE)).isInstanceOf(InternalError.class);
            memory.resize(2 * PAGE);
            assertThat(mapping.segment().get(JAVA_LONG, PAGE)).isZero();
            memory.seal(Seal.SHRINK);
            assertThatThrownBy(() -> memory.resize(PAGE))
                    .hasMessage("ftruncate(" + memory + ", byteSize=" + PAGE
                            + ") failed: EPERM (operation not permitted); it is sealed against this: seals() tells");
        }
    }

    // Seals.

    @ParameterizedTest
    @EnumSource(Seal.class)
    void everySealIsAddedAndTold(Seal seal) {
        try (SharedMemory memory = SharedMemory.anonymous("test", PAGE)) {
            Set<Seal> before = memory.seals();
            assertThat(before).isSubsetOf(Seal.EXEC);
            memory.seal(seal);
            memory.seal(seal); // once more is nothing new, except for SEAL
            assertThat(memory.seals()).containsAll(before).contains(seal).hasSizeLessThanOrEqualTo(before.size() + 1);
        } catch (SystemCallException refused) {
            assertThat(seal).isEqualTo(Seal.SEAL);
            assertThat(refused)
                    .hasMessageEndingWith(", F_ADD_SEALS, [SEAL]) failed: EPERM (operation not permitted); "
                            + "named memory cannot be sealed, nor can what has the seal SEAL");
        }
    }

    @Test
    void sealsForbidWhatTheySay() throws IOException {
        try (SharedMemory memory = SharedMemory.anonymous("test", PAGE)) {
            memory.seal(Seal.GROW);
            assertThatThrownBy(() -> memory.resize(2 * PAGE)).hasMessageContaining("failed: EPERM");
            memory.seal(Seal.SHRINK);
            assertThatThrownBy(() -> memory.resize(1)).hasMessageContaining("failed: EPERM");
            assertThat(memory.seals()).contains(Seal.GROW, Seal.SHRINK);
        }
        try (SharedMemory memory = SharedMemory.anonymous("test", PAGE)) {
            Mapping mapping = memory.map();
            assertThatThrownBy(() -> memory.seal(Seal.WRITE))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageEndingWith(
                            "failed: EBUSY (device or resource busy); close every writable mapping of it, "
                                    + "in other processes too, or seal it FUTURE_WRITE");
            memory.seal(Seal.FUTURE_WRITE);
            mapping.segment().set(JAVA_LONG, 0, 3);
            assertThatThrownBy(memory::map).isInstanceOfSatisfying(SystemCallException.class, e -> assertThat(e.errno())
                    .isEqualTo(Errno.EPERM));
            mapping.close();
            memory.seal(Seal.WRITE);
            try (Mapping readable = memory.map(Access.READ_ONLY)) {
                assertThat(readable.segment().get(JAVA_LONG, 0)).isEqualTo(3);
            }
            try (RandomAccessFile file = new RandomAccessFile(memory.path(), "rw")) {
                assertThatThrownBy(() -> file.write(1)).isInstanceOf(IOException.class);
            }
        }
        try (SharedMemory memory = SharedMemory.anonymous("test", PAGE)) {
            assumeTrue(memory.seals().contains(Seal.EXEC), "Linux before 6.3");
            memory.seal(Seal.values());
            assertThat(memory.seals()).containsExactlyInAnyOrder(Seal.values());
            assertThat(Path.of(memory.path()).toFile().setExecutable(true)).isFalse();
        }
    }

    @Test
    void namedMemoryCannotBeSealed() {
        try (SharedMemory memory = SharedMemory.create(name, 1)) {
            assertThat(memory.seals()).containsExactly(Seal.SEAL);
            assertThatThrownBy(() -> memory.seal(Seal.GROW))
                    .hasMessage("fcntl(shared memory " + name
                            + ", F_ADD_SEALS, [GROW]) failed: EPERM (operation not permitted); "
                            + "named memory cannot be sealed, nor can what has the seal SEAL");
        }
    }

    // Anonymous memory.

    @Test
    void anonymousMemoryIsFoundThroughProc() throws IOException {
        try (SharedMemory memory = SharedMemory.anonymous("a label", PAGE)) {
            assertThat(memory.name()).isEmpty();
            assertThat(memory.isCreator()).isTrue();
            assertThat(memory.creatorPid()).isEmpty();
            long pid = ProcessHandle.current().pid();
            assertThat(memory.path()).isEqualTo("/proc/" + pid + "/fd/" + memory.fd());
            assertThat(Files.readSymbolicLink(Path.of(memory.path()))).hasToString("/memfd:a label (deleted)");
            try (SharedMemory peer = SharedMemory.openProcess(pid, memory.fd(), Access.READ_ONLY);
                    Mapping readable = peer.map();
                    Mapping writable = memory.map()) {
                writable.segment().set(JAVA_LONG, 0, 9);
                assertThat(readable.segment().get(JAVA_LONG, 0)).isEqualTo(9);
                assertThat(peer.access()).isEqualTo(Access.READ_ONLY);
                assertThat(peer.fd()).isNotEqualTo(memory.fd());
                assertThat(memory.hold(0)).isTrue();
                assertThat(peer.holder(0)).hasValue(pid);
            }
        }
    }

    @Test
    void onlyMemoryIsOpenedFromAProcess(@TempDir Path elsewhere) throws Exception {
        long pid = ProcessHandle.current().pid();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SharedMemory.openProcess(0, 1, Access.READ_ONLY))
                .withMessage("pid=0 is not above 0, or fd=1 is below 0");
        assertThatIllegalArgumentException().isThrownBy(() -> SharedMemory.openProcess(pid, -1, Access.READ_ONLY));
        assertThatThrownBy(() -> SharedMemory.openProcess(pid, 1 << 20, Access.READ_ONLY))
                .isInstanceOf(SystemCallException.class)
                .hasMessageEndingWith("ENOENT (no such file or directory); the process has ended, or closed it");
        Path file = Files.writeString(elsewhere.resolve("file"), "text");
        for (Path path : List.of(file, elsewhere, Path.of("/dev/null"))) {
            long fd = LinuxCalls.instance().open(path.toString(), Linux.O_RDONLY | Linux.O_CLOEXEC, 0);
            try {
                // A disk file may be on a tmpfs as well, which has seals.
                assumeTrue(
                        !path.equals(file) || !Files.getFileStore(file).type().equals("tmpfs"));
                assertThatIllegalStateException()
                        .isThrownBy(() -> SharedMemory.openProcess(pid, (int) fd, Access.READ_ONLY))
                        .withMessage("/proc/" + pid + "/fd/" + fd + " is not shared memory");
            } finally {
                LinuxCalls.instance().close((int) fd);
            }
        }
    }

    @Test
    void anOlderKernelGetsNoFlagThatItDoesNotKnow() {
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        calls.failOnce("memfdCreate", 1, Errno.EINVAL);
        try (SharedMemory memory = AnonymousMemory.create(calls, "test", 1, SharedMemoryOptions.defaults())) {
            assertThat(calls.calls("memfdCreate"))
                    .containsExactly(
                            "memfdCreate(\"test\", MFD_CLOEXEC|MFD_ALLOW_SEALING|MFD_NOEXEC_SEAL)",
                            "memfdCreate(\"test\", MFD_CLOEXEC|MFD_ALLOW_SEALING)");
            memory.seal(Seal.GROW);
            assertThat(memory.seals()).contains(Seal.GROW);
        }
    }

    @Test
    void labelsAreChecked() {
        SharedMemory.anonymous("", 1).close();
        SharedMemory.anonymous("é/".repeat(83), 1).close();
        for (String bad : List.of("é/".repeat(84), "a\0b")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> SharedMemory.anonymous(bad, 1))
                    .withMessageEndingWith("bytes in UTF-8, more than 249, or a zero character");
        }
    }

    @Test
    void hugePagesComeFromThePoolOrAreRefusedAtOnce() {
        SharedMemoryOptions huge = options().hugePageBytes(2 << 20).build();
        assumeTrue(Files.exists(Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB")), "no huge pages of 2 MiB");
        try (SharedMemory memory = SharedMemory.anonymous("test", 4 << 20, huge);
                Mapping mapping = memory.map(Access.READ_WRITE, 2 << 20, 2 << 20)) {
            mapping.segment().set(JAVA_LONG, (2 << 20) - 8, 1);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> memory.map(Access.READ_WRITE, PAGE, PAGE))
                    .withMessage("offset=" + PAGE + " is not a multiple of the page size, 2097152 bytes");
        } catch (SystemCallException refused) {
            assertThat(refused)
                    .hasMessageEndingWith("failed: ENOSPC (no space left on the device); no huge pages are free: raise "
                            + "/proc/sys/vm/nr_hugepages, or take normal ones");
        }
    }

    // What there is.

    @Test
    void theListTellsWhatEachIs() throws IOException {
        Path foreign = Path.of("/dev/shm" + name + "-foreign");
        try (SharedMemory memory =
                SharedMemory.create(name, 5000, options().mode(0604).build())) {
            Files.writeString(foreign, "of another program");
            List<Status> listed = SharedMemory.list();
            assertThat(listed).extracting(Status::name).isSorted().contains(name, name + "-foreign");
            Status ours = listed.stream()
                    .filter(status -> status.name().equals(name))
                    .findFirst()
                    .orElseThrow();
            assertThat(ours).isEqualTo(status());
            assertThat(ours.byteSize()).isEqualTo(5000);
            assertThat(ours.allocatedBytes()).isEqualTo(2 * PAGE);
            assertThat(ours.mode()).isEqualTo(0604 & ~umask());
            assertThat(ours.uid()).isEqualTo(Files.getAttribute(Path.of(memory.path()), "unix:uid"));
            assertThat(ours.liveness()).isEqualTo(Liveness.CREATOR_LIVES);
            assertThat(ours.creatorPid()).hasValue(ProcessHandle.current().pid());
            assertThat(ours.age()).isBetween(Duration.ofSeconds(-1), Duration.ofMinutes(1));
            Status theirs = SharedMemory.status(name + "-foreign").orElseThrow();
            assertThat(theirs.liveness()).isEqualTo(Liveness.UNKNOWN);
            assertThat(theirs.creatorPid()).isEmpty();
            assertThat(theirs.byteSize()).isEqualTo(18);
            assertThat(SharedMemory.removeStale(name + "-foreign")).isFalse();
            assertThat(Files.exists(foreign)).isTrue();
        } finally {
            Files.deleteIfExists(foreign);
        }
    }

    @Test
    void hundredsOfNamesAreListedAndThoseThatAreNotUtf8LeftOut(@TempDir Path elsewhere) throws Exception {
        for (int number = 0; number < 700; number++) {
            Files.createFile(elsewhere.resolve("a-rather-long-name-of-a-segment-" + number));
        }
        Files.createDirectory(elsewhere.resolve("directory"));
        String raw = "cd " + elsewhere + " && touch \"$(printf 'not-utf8-\\377')\" \"$(printf 'utf8-\\303\\251')\"";
        assertThat(new ProcessBuilder("sh", "-c", raw).start().waitFor()).isZero();
        List<Status> listed = new SharedMemoryDirectory(LinuxCalls.instance(), elsewhere.toString()).list();
        assertThat(listed).hasSize(701).extracting(Status::name).contains("/utf8-é");
    }

    @Test
    void aPersistentSegmentIsNeverStaleAndTakesNoLocks() {
        try (SharedMemory memory =
                SharedMemory.create(name, 1, options().persistent(true).build())) {
            assertThat(memory.creatorPid()).isEmpty();
            assertThat(status().liveness()).isEqualTo(Liveness.UNKNOWN);
        }
        assertThat(status().liveness()).isEqualTo(Liveness.UNKNOWN);
        assertThat(SharedMemory.removeStale(name)).isFalse();
        assertThatThrownBy(() -> SharedMemory.create(name, 1))
                .hasMessageEndingWith("open it, or take another name; unlink it if you know that nobody uses it");
        assertThat(SharedMemory.unlink(name)).isTrue();
    }

    @Test
    void aProgramThatLocksTheWholeFileIsSomebodyWithoutAPid() throws IOException {
        try (SharedMemory memory =
                        SharedMemory.create(name, 1, options().persistent(true).build());
                RandomAccessFile file = new RandomAccessFile(memory.path(), "rw");
                var lock = file.getChannel().lock()) {
            assertThat(lock.isValid()).isTrue();
            assertThat(memory.holder(3)).hasValue(0);
            assertThat(memory.hold(3)).isFalse();
        }
    }

    @Test
    void aRoleHasOneHolder() {
        SharedMemory first = SharedMemory.create(name, 1);
        try (SharedMemory second = SharedMemory.open(name, Access.READ_WRITE)) {
            for (int role : new int[] {0, 1, SharedMemory.MAX_ROLE}) {
                assertThat(second.holder(role)).isEmpty();
                assertThat(first.hold(role)).isTrue();
                assertThat(first.hold(role)).as("not twice").isFalse();
                assertThat(second.hold(role)).isFalse();
                assertThat(second.holder(role)).hasValue(ProcessHandle.current().pid());
                assertThat(first.holder(role)).hasValue(ProcessHandle.current().pid());
            }
            for (int role : new int[] {-1, 1024}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> first.hold(role))
                        .withMessage("role " + role + " is not from 0 to 1023");
                assertThatIllegalArgumentException().isThrownBy(() -> first.holder(role));
            }
            Mapping mapping = first.map();
            first.close();
            assertThat(second.holder(1)).as("held by the mapping").isPresent();
            mapping.close();
            assertThat(second.holder(1)).isEmpty();
            assertThat(second.hold(1)).isTrue();
        }
    }

    // Beside the C library.

    @Test
    void programsInCAndThisLibraryFindEachOthersSegments() throws Throwable {
        CLibrary c = new CLibrary();
        try (SharedMemory memory = SharedMemory.create(name, 100)) {
            int fd = c.shmOpen(name, Linux.O_RDWR, 0);
            assertThat(fd).isPositive();
            try (SharedMemory same =
                    SharedMemory.openProcess(ProcessHandle.current().pid(), fd, Access.READ_WRITE)) {
                assertThat(same.byteSize()).isEqualTo(100);
                assertThat(same.creatorPid()).hasValue(ProcessHandle.current().pid());
            }
            LinuxCalls.instance().close(fd);
            assertThat(memory.byteSize()).isEqualTo(100);
        }
        assertThat(c.shmUnlink(name)).isZero();
        int fd = c.shmOpen(name, Linux.O_RDWR | Linux.O_CREAT | Linux.O_EXCL, 0600);
        LinuxCalls.instance().ftruncate(fd, 200);
        LinuxCalls.instance().close(fd);
        try (SharedMemory memory = SharedMemory.open(name, Access.READ_WRITE)) {
            assertThat(memory.byteSize()).isEqualTo(200);
        }
        assertThat(status().liveness()).isEqualTo(Liveness.UNKNOWN);
        assertThat(directory.unlink(name)).isTrue();
        assertThat(c.shmUnlink(name)).isEqualTo(-1);
    }

    @SuppressWarnings("restricted")
    private static final class CLibrary {
        private final MethodHandle shmOpen = link("shm_open", 3);
        private final MethodHandle shmUnlink = link("shm_unlink", 1);

        private static MethodHandle link(String function, int parameters) {
            Linker linker = Linker.nativeLinker();
            FunctionDescriptor type = parameters == 1
                    ? FunctionDescriptor.of(JAVA_INT, JAVA_LONG)
                    : FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(function), type);
        }

        int shmOpen(String name, int flags, int mode) throws Throwable {
            try (Arena arena = Arena.ofConfined()) {
                long address = arena.allocateFrom(name, StandardCharsets.UTF_8).address();
                return (int) shmOpen.invokeExact(address, flags, mode);
            }
        }

        int shmUnlink(String name) throws Throwable {
            try (Arena arena = Arena.ofConfined()) {
                long address = arena.allocateFrom(name, StandardCharsets.UTF_8).address();
                return (int) shmUnlink.invokeExact(address);
            }
        }
    }
}
