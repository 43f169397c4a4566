package malloc4j.linux;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.nio.channels.Pipe;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import malloc4j.faults.MappingCeiling;
import malloc4j.faults.Maps;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.os.SystemCalls;
import malloc4j.internal.os.TestKernel;
import malloc4j.internal.region.Ground;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SecretMemoryTest {
    private static final byte[] KEY = "sixteen byte key and some more".getBytes(UTF_8);

    private final LinuxCalls os = LinuxCalls.instance();
    private final long page = os.sysconf(Linux._SC_PAGESIZE);
    private final RecordingCalls calls = new RecordingCalls(os);
    private List<Maps.Mapping> mappingsBefore = List.of();

    @BeforeEach
    void look() {
        mappingsBefore = mappings();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(mappings()).isEqualTo(mappingsBefore);
        assertThat(MemoryLock.verify()).as("locks left").isZero();
    }

    /// The guards of secrets and their hidden pages. Anonymous ones lie between guards.
    private static List<Maps.Mapping> mappings() {
        return Maps.all().stream()
                .filter(mapping ->
                        mapping.name().contains("secretmem") || mapping.name().contains("malloc4j-guard"))
                .toList();
    }

    private SecretMemory secret(SystemCalls calls) {
        return SecretMemory.fromBytes(calls, KEY.clone());
    }

    private static SecretMemory anonymousSecret(RecordingCalls calls) {
        calls.failOnce("memfdSecret", 1, Errno.ENOSYS);
        return SecretMemory.fromBytes(calls, KEY.clone());
    }

    private static long address(SecretMemory secret) {
        try (SecretMemory.Access access = secret.readOnly()) {
            return access.segment().address();
        }
    }

    private boolean hasHiddenMemory() {
        long fd = os.memfdSecret(Linux.O_CLOEXEC);
        return !Errno.isError(fd) && os.close((int) fd) == 0;
    }

    // What the system grants.

    @Test
    void aKernelThatHasMemfdSecretGrantsEverySafeguard() {
        assumeTrue(hasHiddenMemory(), "memfd_secret");
        try (SecretMemory secret = SecretMemory.fromBytes(KEY.clone(), Safeguard.values())) {
            assertThat(secret.safeguards().refused()).isEmpty();
            assertThat(secret.safeguards().grants())
                    .extracting(Safeguards.Grant::means)
                    .containsExactly(
                            "an empty memory file",
                            "memfd_secret",
                            "madvise(MADV_DONTDUMP)",
                            "madvise(MADV_DONTFORK)",
                            "memfd_secret");
            assertThat(Maps.flags(address(secret))).contains("lo", "dd", "dc");
            assertThat(Maps.at(address(secret)).name()).isEqualTo("/secretmem (deleted)");
        }
    }

    @Test
    void withoutMemfdSecretThePagesAreAnonymousAndLockedAndWiped() {
        try (SecretMemory secret = anonymousSecret(calls)) {
            assertThat(secret.safeguards().get(Safeguard.HIDDEN).refusal())
                    .hasMessage("memfd_secret(O_CLOEXEC) failed: ENOSYS (the kernel does not have this call); it needs "
                            + "Linux 5.14 with CONFIG_SECRETMEM, and on some kernels secretmem.enable=1 at boot");
            assertThat(secret.safeguards().refused()).hasSize(1);
            assertThat(secret.safeguards().toString()).startsWith("""
                    GUARD_PAGES by an empty memory file
                    LOCKED by mlock
                    NOT_DUMPED by madvise(MADV_DONTDUMP)
                    NOT_FORKED by madvise(MADV_WIPEONFORK)
                    HIDDEN refused: memfd_secret(O_CLOEXEC) failed: ENOSYS""");
            assertThat(Maps.flags(address(secret))).contains("lo", "dd", "wf");
            assertThat(Maps.at(address(secret)).name()).isEmpty();
        }
    }

    @Test
    void hiddenMemoryIsHiddenFromTheKernel() throws IOException {
        assumeTrue(hasHiddenMemory(), "memfd_secret");
        try (SecretMemory hidden = secret(calls);
                SecretMemory anonymous = anonymousSecret(calls);
                RandomAccessFile memory = new RandomAccessFile("/proc/self/mem", "r")) {
            byte[] seen = new byte[KEY.length];
            memory.seek(address(anonymous));
            memory.readFully(seen);
            assertThat(seen).as("rights do not matter to the kernel").isEqualTo(KEY);
            memory.seek(address(hidden));
            assertThatExceptionOfType(IOException.class).isThrownBy(() -> memory.readFully(seen));
        }
    }

    @Test
    void whatTheSystemRefusesIsReportedAndWhatIsRequiredIsThrown() {
        record Refusal(Safeguard safeguard, List<String> calls, String text) {}
        List<Refusal> refusals = List.of(
                new Refusal(Safeguard.GUARD_PAGES, List.of("memfdCreate", "mprotect"), "mprotect(address=0x"),
                new Refusal(Safeguard.LOCKED, List.of("memfdSecret", "mlock"), "mlock(address=0x"),
                new Refusal(Safeguard.NOT_DUMPED, List.of("MADV_DONTDUMP"), "MADV_DONTDUMP)"),
                new Refusal(Safeguard.NOT_FORKED, List.of("MADV_WIPEONFORK", "MADV_DONTFORK"), "MADV_DONTFORK)"),
                new Refusal(Safeguard.HIDDEN, List.of("ftruncate"), "ftruncate(memfd_secret, byteSize="));
        for (Refusal refusal : refusals) {
            refusal.calls().forEach(name -> calls.failOnce(text -> text.contains(name), 1, Errno.EACCES));
            try (SecretMemory secret = secret(calls)) {
                Safeguards.Grant grant = secret.safeguards().get(refusal.safeguard());
                assertThat(grant.granted()).as(grant.toString()).isFalse();
                assertThat(grant.toString()).contains(refusal.text(), "EACCES");
                assertThat(secret.contentEquals(KEY)).isTrue();
                secret.verify();
            }
            calls.stopFailing();
            refusal.calls().forEach(name -> calls.failOnce(text -> text.contains(name), 1, Errno.EACCES));
            byte[] source = KEY.clone();
            assertThatThrownBy(() -> SecretMemory.fromBytes(calls, source, refusal.safeguard()))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageContaining(refusal.text());
            assertThat(source).as("as it was").isEqualTo(KEY);
            calls.stopFailing();
            nothingIsLeft();
        }
    }

    @Test
    void secretsBeyondTheLimitAreRefusedByName() throws Exception {
        assertThat(Unprivileged.childJvm().run(LockChild.class, "secrets")).endsWith("done\n");
    }

    // Guards and canary.

    @Test
    void aBareAddressBeyondThePagesIsAnError() {
        try (SecretMemory secret = SecretMemory.allocate(32);
                SecretMemory.Access access = secret.readWrite()) {
            long address = access.segment().address();
            long data = address & -page;
            for (int round = 0; round < 100; round++) {
                for (long stray : new long[] {data - page, data - 1, address + 32, data + 2 * page - 1}) {
                    assertThatThrownBy(() -> RawMemory.getByte(stray)).isInstanceOf(InternalError.class);
                    assertThatThrownBy(() -> RawMemory.putByte(stray, (byte) 1)).isInstanceOf(InternalError.class);
                }
            }
            assertThatThrownBy(() -> RawMemory.fill(address, 33, (byte) 0)).isInstanceOf(InternalError.class);
            secret.verify();
        }
    }

    @Test
    void withoutMemoryFilesTheGuardsAreMappingsWithoutRights() {
        calls.failOnce("memfdCreate", 1, Errno.ENFILE);
        try (SecretMemory secret = secret(calls)) {
            assertThat(secret.safeguards().get(Safeguard.GUARD_PAGES))
                    .hasToString("GUARD_PAGES by mprotect(PROT_NONE)");
            long data = address(secret) & -page;
            assertThat(Maps.at(data - 1).permissions()).startsWith("---");
            assertThat(Maps.at(data + page).permissions()).startsWith("---");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 15, 16, 17, 4_064, 4_065, 4_080, 4_081, 70_000})
    void theSecretEndsWhereThePageEndsAndAllElseIsCanary(int byteSize) {
        SecretMemory secret = SecretMemory.allocate(byteSize);
        long address = address(secret);
        long end = (address + byteSize + 15) & -16;
        assertThat(address % 16).isZero();
        assertThat(end % page).isZero();
        assertThat(secret.byteSize()).isEqualTo(byteSize);
        secret.verify();
        List<Long> offsets = new ArrayList<>(List.of(-1L, -16L));
        for (long behind = byteSize; address + behind < end; behind++) {
            offsets.add(behind);
        }
        for (long offset : offsets) {
            try (SecretMemory.Access access = secret.readWrite()) {
                byte before = RawMemory.getByte(address + offset);
                assertThat(before).isNotZero();
                RawMemory.putByte(address + offset, (byte) 0);
                assertThatThrownBy(secret::verify)
                        .isInstanceOfSatisfying(CanaryException.class, damaged -> assertThat(damaged.byteOffset())
                                .isEqualTo(offset))
                        .hasMessageContaining("1 bytes, the first at offset " + offset);
                assertThat(access.segment().byteSize()).isEqualTo(byteSize);
                RawMemory.putByte(address + offset, before);
            }
            secret.verify();
        }
        assertThat(secret.mode()).isEqualTo(SecretMemory.Mode.NO_ACCESS);
        secret.close();
    }

    @Test
    void aDamagedCanaryIsReportedByCloseWhichClosesAllTheSame() {
        SecretMemory secret = secret(calls);
        secret.write(bytes -> RawMemory.fill(bytes.address() - 8, 4, (byte) 0));
        assertThatThrownBy(secret::close)
                .isInstanceOf(CanaryException.class)
                .hasMessage(
                        "canary of a secret of " + KEY.length + " bytes overwritten: 4 bytes, the first at offset -8, "
                                + "before the secret; look for native code or bare addresses that run over a buffer's end");
        nothingIsLeft();
        secret.close();
        assertThatIllegalStateException().isThrownBy(secret::verify).withMessage("the secret is closed");
    }

    // The content.

    @Test
    void theSourceIsWipedAndTheSecretHoldsIt() {
        byte[] source = KEY.clone();
        try (SecretMemory secret = SecretMemory.fromBytes(source)) {
            assertThat(source).containsOnly(0);
            assertThat(secret.<byte[]>read(bytes -> bytes.toArray(ValueLayout.JAVA_BYTE)))
                    .isEqualTo(KEY);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "pässwörd", "日本語", "\0\uFFFF\u07FF\u0800", "😀 and 😀"})
    void charactersAreStoredAsUtf8AndWiped(String text) {
        char[] source = text.toCharArray();
        try (SecretMemory secret = SecretMemory.fromChars(source)) {
            assertThat(secret.contentEquals(text.getBytes(UTF_8))).isTrue();
            assertThat(source).isEqualTo(new char[source.length]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"x\uD83D", "x\uDE00y", "x\uD83D\uD83D\uDE00"})
    void halfASurrogatePairIsRefusedAndTheSourceKept(String text) {
        char[] source = text.toCharArray();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SecretMemory.fromChars(source))
                .withMessage("source[1] is half a surrogate pair");
        assertThat(source).isEqualTo(text.toCharArray());
    }

    @Test
    void sizesOutsideTheRangeAreRefused() {
        for (long byteSize : new long[] {-1, SecretMemory.MAX_BYTE_SIZE + 1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> SecretMemory.allocate(byteSize))
                    .withMessage("byteSize=" + byteSize + " bytes: a secret has from 0 to 1073741824 bytes");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void thePagesAreZeroWhenTheyAreUnmapped(boolean hidden) {
        AtomicLong unmappedBytes = new AtomicLong();
        SystemCalls looking = before("munmap", arguments -> {
            long data = (long) arguments[0] + page;
            long dataBytes = (long) arguments[1] - 2 * page;
            for (long offset = 0; offset < dataBytes; offset++) {
                assertThat(RawMemory.getByte(data + offset)).isZero();
            }
            unmappedBytes.addAndGet(dataBytes);
        });
        RecordingCalls recording = new RecordingCalls(looking);
        byte[] source = new byte[10_000];
        new Random(1).nextBytes(source);
        if (!hidden) {
            recording.failOnce("memfdSecret", 1, Errno.ENOSYS);
        }
        SecretMemory secret = SecretMemory.fromBytes(recording, source);
        secret.close();
        assertThat(unmappedBytes).hasValue((10_000 + 16 + page - 1) / page * page);

        // A secret that could not be sealed was written already.
        recording.failOnce("mprotect", 1, Errno.ENOMEM);
        assertThatThrownBy(() -> SecretMemory.fromBytes(recording, KEY.clone()))
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("PROT_NONE) failed: ENOMEM");
        assertThat(unmappedBytes).hasValueGreaterThan(10_000 + page);
    }

    @Test
    void pagesThatTheKernelDoesNotUnmapStayLockedAndCounted() {
        RecordingCalls refusing = new RecordingCalls(TestKernel.calls());
        refusing.failOnce("memfdSecret", 1, Errno.ENOSYS);
        int before = MemoryLock.verify();
        SecretMemory secret = SecretMemory.fromBytes(refusing, KEY.clone());
        int held = MemoryLock.verify();
        refusing.failOnce("munmap", 1, Errno.ENOMEM);
        assertThatThrownBy(secret::close)
                .isInstanceOf(SystemCallException.class)
                .hasMessageContaining("its pages are still mapped: close it again");
        assertThat(MemoryLock.verify()).isEqualTo(held);
        secret.close();
        assertThat(MemoryLock.verify()).isEqualTo(before);
        assertThat(held).as("mlock is granted for a page").isEqualTo(before + 1);
    }

    @Test
    void equalityComparesEveryBit() {
        try (SecretMemory secret = SecretMemory.fromBytes(KEY.clone());
                SecretMemory same = SecretMemory.fromBytes(KEY.clone());
                SecretMemory empty = SecretMemory.allocate(0);
                Arena arena = Arena.ofConfined()) {
            assertThat(secret.contentEquals(same)).isTrue();
            assertThat(secret.contentEquals(secret)).isTrue();
            assertThat(empty.contentEquals(new byte[0])).isTrue();
            assertThat(secret.contentEquals(empty)).isFalse();
            assertThat(secret.contentEquals(KEY)).isTrue();
            assertThat(secret.contentEquals(arena.allocateFrom(ValueLayout.JAVA_BYTE, KEY)))
                    .isTrue();
            for (int bit = 0; bit < KEY.length * 8; bit++) {
                byte[] other = KEY.clone();
                other[bit / 8] ^= (byte) (1 << bit % 8);
                assertThat(secret.contentEquals(other)).as("bit %d", bit).isFalse();
            }
            byte[] longer = Arrays.copyOf(KEY, KEY.length + 1);
            assertThat(secret.contentEquals(longer)).isFalse();
            assertThat(secret.contentEquals(Arrays.copyOf(KEY, KEY.length - 1))).isFalse();
            assertThat(secret.mode()).isEqualTo(SecretMemory.Mode.NO_ACCESS);
        }
    }

    @Test
    void nothingOfTheSecretIsInItsText() {
        SecretMemory secret = secret(calls);
        assertThat(secret).hasToString("SecretMemory[30 bytes, NO_ACCESS]");
        try (SecretMemory.Access access = secret.readWrite()) {
            assertThat(secret).hasToString("SecretMemory[30 bytes, READ_WRITE]");
            assertThat(access).hasToString("Access[READ_WRITE]");
        }
        secret.close();
        assertThat(secret).hasToString("SecretMemory[30 bytes, closed]");
        assertThatIllegalStateException().isThrownBy(secret::readOnly).withMessage("the secret is closed");
        assertThatIllegalStateException().isThrownBy(() -> secret.contentEquals(KEY));
        secret.close();
        assertThat(secret.mode()).isEqualTo(SecretMemory.Mode.NO_ACCESS);
    }

    // Accesses.

    @Test
    void thePagesHaveTheRightsOfTheWidestAccess() {
        try (SecretMemory secret = secret(calls)) {
            long address = address(secret);
            assertThat(Maps.at(address).permissions()).startsWith("---");
            SecretMemory.Access reader = secret.readOnly();
            assertThat(Maps.at(address).permissions()).startsWith("r--");
            SecretMemory.Access writer = secret.readWrite();
            assertThat(Maps.at(address).permissions()).startsWith("rw-");
            SecretMemory.Access second = secret.readOnly();
            writer.segment().set(ValueLayout.JAVA_BYTE, 0, (byte) 'S');
            assertThat(second.segment().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 'S');
            writer.close();
            assertThat(Maps.at(address).permissions()).startsWith("r--");
            reader.close();
            assertThat(secret.mode()).isEqualTo(SecretMemory.Mode.READ_ONLY);
            assertThat(second.segment().get(ValueLayout.JAVA_BYTE, 1)).isEqualTo((byte) 'i');
            second.close();
            second.close();
            assertThat(Maps.at(address).permissions()).startsWith("---");
            secret.write(bytes -> bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 's'));
            assertThat(secret.contentEquals(KEY)).isTrue();
        }
    }

    @Test
    void aWrongAccessIsAnException() {
        List<MemorySegment> leaked = new ArrayList<>();
        SecretMemory secret = secret(calls);
        secret.write(leaked::add);
        try (SecretMemory.Access access = secret.readOnly()) {
            MemorySegment bytes = access.segment();
            assertThat(access.mode()).isEqualTo(SecretMemory.Mode.READ_ONLY);
            assertThat(bytes.isReadOnly()).isTrue();
            assertThatIllegalArgumentException().isThrownBy(() -> bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
            assertThatIllegalArgumentException().isThrownBy(() -> bytes.fill((byte) 0));
            assertThatThrownBy(() -> bytes.get(ValueLayout.JAVA_BYTE, KEY.length))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> bytes.get(ValueLayout.JAVA_BYTE, -1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> bytes.asByteBuffer().put((byte) 1)).isInstanceOf(ReadOnlyBufferException.class);
            leaked.add(bytes);
        }
        leaked.add(secret.readOnly().segment());
        secret.close();
        for (MemorySegment dead : leaked) {
            assertThatIllegalStateException().isThrownBy(() -> dead.get(ValueLayout.JAVA_BYTE, 0));
            assertThatIllegalStateException().isThrownBy(() -> dead.toArray(ValueLayout.JAVA_BYTE));
        }
    }

    @Test
    void anExceptionInsideAnAccessSealsThePages() {
        try (SecretMemory secret = secret(calls)) {
            assertThatThrownBy(() -> secret.read(bytes -> bytes.get(ValueLayout.JAVA_LONG, 100)))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThat(secret.mode()).isEqualTo(SecretMemory.Mode.NO_ACCESS);
        }
    }

    @Test
    void closeIsRefusedWhileASystemCallUsesTheSecret() throws Exception {
        SecretMemory secret = secret(calls);
        SecretMemory.Access access = secret.readWrite();
        Pipe pipe = Pipe.open();
        Thread reader = Thread.ofPlatform().start(() -> readInto(access.segment(), pipe.source()));
        while (Arrays.stream(reader.getStackTrace())
                .noneMatch(frame -> frame.getMethodName().equals("read0"))) {
            assertThat(reader.isAlive()).as("it waits for bytes").isTrue();
            Thread.onSpinWait();
        }
        String message = "a system call or native function is using the secret: close again when that is over";
        assertThatIllegalStateException().isThrownBy(access::close).withMessage(message);
        assertThatIllegalStateException().isThrownBy(secret::close).withMessage(message);
        assertThat(secret.mode()).isEqualTo(SecretMemory.Mode.READ_WRITE);
        pipe.sink().write(ByteBuffer.wrap(new byte[] {1}));
        reader.join();
        assertThat(access.segment().get(ValueLayout.JAVA_BYTE, 0)).isOne();
        secret.close();
        access.close();
        pipe.source().close();
        pipe.sink().close();
    }

    private static void readInto(MemorySegment target, Pipe.SourceChannel source) {
        try {
            source.read(target.asByteBuffer());
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    @Test
    void threadsThatUseASecretWhileItIsClosedGetExceptions() throws Exception {
        for (int round = 0; round < 30; round++) {
            SecretMemory secret = secret(calls);
            try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
                CountDownLatch working = new CountDownLatch(3);
                List<Future<?>> users = List.of(
                        threads.submit(() -> useUntilClosed(working, () -> secret.read(SecretMemoryTest::sum))),
                        threads.submit(
                                () -> useUntilClosed(working, () -> secret.write(bytes -> bytes.fill((byte) 1)))),
                        threads.submit(() -> {
                            SecretMemory.Access access = secret.readOnly();
                            useUntilClosed(working, () -> sum(access.segment()));
                        }));
                working.await();
                secret.close();
                for (Future<?> user : users) {
                    user.get();
                }
            }
        }
    }

    private static void useUntilClosed(CountDownLatch working, Runnable use) {
        try {
            use.run();
            working.countDown();
            while (true) {
                use.run();
            }
        } catch (IllegalStateException closed) {
            assertThat(closed).hasMessageMatching("the secret is closed|Already closed");
        }
    }

    private static long sum(MemorySegment bytes) {
        long sum = 0;
        for (long offset = 0; offset < bytes.byteSize(); offset++) {
            sum += bytes.get(ValueLayout.JAVA_BYTE, offset);
        }
        return sum;
    }

    // Failures.

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whicheverCallFailsNothingIsLeft(boolean hidden) {
        long made = life(hidden, 0);
        int failedLives = 0;
        for (long nth = 1; nth <= made; nth++) {
            failedLives += life(hidden, nth) == FAILED ? 1 : 0;
            nothingIsLeft();
        }
        assertThat(made).isGreaterThan(15);
        assertThat(failedLives)
                .as("lives that met a failure they could not do without")
                .isGreaterThan(5);
    }

    private static final long FAILED = -1;

    /// A secret's life in which the n-th call fails. Returns how many calls were made, or [#FAILED].
    private long life(boolean hidden, long nth) {
        RecordingCalls failing = new RecordingCalls(os);
        if (nth > 0) {
            failing.failOnce(nth, Errno.ENOMEM);
        }
        if (!hidden) {
            failing.failFrom("memfdSecret", 1, Errno.ENOSYS);
        }
        byte[] source = KEY.clone();
        boolean failed = false;
        SecretMemory secret;
        try {
            secret = SecretMemory.fromBytes(failing, source);
        } catch (SystemCallException refused) {
            assertThat(refused).hasMessageContaining("ENOMEM");
            assertThat(source).isEqualTo(KEY);
            leavesNothing(failing);
            return FAILED;
        }
        for (Runnable step : List.<Runnable>of(
                () -> assertThat(secret.contentEquals(KEY)).isTrue(),
                () -> secret.write(bytes -> bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 's')),
                secret::verify,
                secret::close)) {
            try {
                step.run();
            } catch (SystemCallException refused) {
                assertThat(refused).hasMessageContaining("ENOMEM");
                failed = true;
                step.run();
            }
        }
        secret.close();
        leavesNothing(failing);
        return failed ? FAILED : failing.count();
    }

    /// What was mapped is unmapped, and what was opened is closed.
    private void leavesNothing(RecordingCalls failing) {
        Set<String> mapped = new HashSet<>();
        Set<Long> opened = new HashSet<>();
        for (RecordingCalls.Call call : failing.transcript()) {
            boolean done = !Errno.isError(call.result());
            if (done && call.text().startsWith("mmap(0x0, ")) {
                mapped.add("munmap(0x" + Long.toHexString(call.result()) + ", "
                        + call.text().split(", ", -1)[1] + ")");
            } else if (done && call.name().startsWith("memfd")) {
                opened.add(call.result());
            } else if (done && call.name().equals("munmap")) {
                assertThat(mapped.remove(call.text())).as(call.text()).isTrue();
            } else if (call.name().equals("close")) {
                long fd = Long.parseLong(call.text().replaceAll("\\D", ""));
                assertThat(opened.remove(fd)).as(call.text()).isTrue();
                if (call.injected()) { // and so not performed, while a real failure would have closed all the same
                    os.close((int) fd);
                }
            }
        }
        assertThat(mapped).isEmpty();
        assertThat(opened).isEmpty();
    }

    @Test
    void secretsCountAsMappingsAndStopAtTheCeiling() {
        int before = Ground.process().mappings().used();
        try (SecretMemory secret = SecretMemory.allocate(10)) {
            assertThat(Ground.process().mappings().used() - before).isGreaterThanOrEqualTo(4);
            secret.verify();
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
        try (MappingCeiling ceiling = new MappingCeiling(3)) {
            assertThatThrownBy(() -> SecretMemory.allocate(10))
                    .as(ceiling.toString())
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageStartingWith("mmap(secret, byteSize=")
                    .hasMessageContaining("a quarter of vm.max_map_count");
        }
        assertThat(Ground.process().mappings().used()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aGuardWhoseAddressesBecameSomebodyElsesIsLeftToThem(int nthGuard) {
        long[] lost = {0, 0};
        SystemCalls refusing = before("mmap", arguments -> {
            boolean isGuard = ((int) arguments[3] & Linux.MAP_FIXED) != 0;
            if (isGuard && ++lost[0] == nthGuard) {
                lost[1] = (long) arguments[0];
                os.munmap(lost[1], page);
                int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_FIXED_NOREPLACE;
                assertThat(os.mmap(lost[1], page, Linux.PROT_READ, flags, -1, 0))
                        .isEqualTo(lost[1]);
                arguments[4] = -1; // no file: the kernel refuses, before it touches anything
            }
        });
        for (boolean isRequired : new boolean[] {false, true}) {
            lost[0] = 0;
            if (isRequired) {
                assertThatThrownBy(() -> SecretMemory.fromBytes(refusing, KEY.clone(), Safeguard.GUARD_PAGES))
                        .hasMessageContaining("mmap(address=0x" + Long.toHexString(lost[1]));
            } else {
                try (SecretMemory secret = SecretMemory.fromBytes(refusing, KEY.clone())) {
                    assertThat(secret.safeguards().get(Safeguard.GUARD_PAGES).refusal())
                            .isNotNull();
                    secret.verify();
                }
            }
            Maps.Mapping other = Maps.at(lost[1]);
            assertThat(other.permissions()).as("as its owner has it").startsWith("r--p");
            assertThat(os.munmap(lost[1], page)).isZero();
        }
    }

    @Test
    void descriptorsAreClosedBeforeTheSecretIsUsed() {
        List<Long> opened = new ArrayList<>();
        try (SecretMemory secret = secret(calls)) {
            assertThat(secret.byteSize()).isEqualTo(KEY.length);
            for (RecordingCalls.Call call : calls.transcript()) {
                if (call.name().startsWith("memfd")) {
                    opened.add(call.result());
                }
            }
            assertThat(calls.calls("close"))
                    .containsExactlyInAnyOrderElementsOf(
                            opened.stream().map(fd -> "close(" + fd + ")").toList());
            assertThat(opened).isNotEmpty();
        }
    }

    private SystemCalls before(String name, Consumer<Object[]> look) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            if (method.getName().equals(name)) {
                look.accept(arguments);
            }
            try {
                return method.invoke(os, arguments);
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
            }
        };
        return (SystemCalls)
                Proxy.newProxyInstance(SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, handler);
    }
}
