package malloc4j.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import malloc4j.internal.memory.Bits;
import malloc4j.internal.memory.RawMemory;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.SystemCalls;
import org.jspecify.annotations.Nullable;

/// A key, a password, or another secret: memory that is read and written only in scopes that ask for it, and that
/// is wiped when it is closed.
///
/// ```
///                  data                  address             address + byteSize
///                  |                     |                   |        dataEnd
///     | guard page | canary              | secret            | canary | guard page |
///                  16 bytes or more      a multiple of 16    15 or fewer
/// ```
///
/// The secret lies at the end of its pages, so that the first byte behind it, or the first but a few, faults. All
/// else in those pages is canary: bytes, none of them zero, that [#verify] and [#close] compare.
///
/// Between accesses the pages have no rights at all. [#readOnly] and [#readWrite] open an access; its segment obeys
/// the rules of the JDK, so a wrong use is an exception: writing through a read-only one, touching it after its
/// access or the secret was closed, running over its end.
///
/// ```java
/// import java.lang.foreign.MemorySegment;
/// import java.lang.foreign.ValueLayout;
/// import malloc4j.linux.Safeguard;
/// import malloc4j.linux.SecretMemory;
///
/// void main() {
///     char[] typed = "correct horse".toCharArray();
///     try (SecretMemory secret = SecretMemory.fromChars(typed)) { // and typed holds zeroes
///         try (SecretMemory.Access access = secret.readOnly()) {
///             MemorySegment bytes = access.segment();
///             if (bytes.get(ValueLayout.JAVA_BYTE, 0) != 'c' || typed[0] != 0) {
///                 throw new AssertionError();
///             }
///         }
///         if (!secret.contentEquals("correct horse".getBytes()) || !secret.safeguards().has(Safeguard.NOT_DUMPED)) {
///             throw new AssertionError(secret.safeguards());
///         }
///     }
/// }
/// ```
///
/// **What the system refuses** is not passed over: [#safeguards] names each safeguard that is missing, with errno
/// and advice. Named as required, a missing one is an exception instead.
///
/// **Threads.** Any thread may do anything. Accesses may overlap; the pages then have the rights of the widest. A
/// writer's bytes are not ordered against readers': that is the program's business. [#close] cuts off open
/// accesses, whose segments throw from then on, and always wipes; it is refused only while a system call or a
/// native function is using such a segment. Opening or closing an access takes a lock, an `mprotect` where the
/// rights change, and for closing a handshake with all threads, about 20 µs (2-core Xeon 2.5 GHz, JDK 25.0.3,
/// 2026-11): keep an access open for as long as a piece of work lasts.
///
/// **Not covered.** Copies that others make: the Java heap's arrays before [#fromBytes] wiped them (the collector
/// may have moved them), temporary arrays inside `javax.crypto` and inside channels, registers, a debugger in this
/// process. `NOT_DUMPED` and `LOCKED` do not hold back hibernation; a system that holds `HIDDEN` pages does not
/// hibernate. Code that uses bare addresses while no access is open ends the JVM. A secret that is never closed is
/// wiped by the kernel when its pages go to somebody else, at the end of the process.
///
/// Invariants; [#verify] checks the first two and restores the third, which a refused `mprotect` breaks:
/// 1. `address % 16 == 0`, `address - data >= 16`, `dataEnd - (address + byteSize) < 16`.
/// 2. Each byte of `[data, address)` and `[address + byteSize, dataEnd)` is the canary's.
/// 3. The rights to the pages are the widest of the open accesses.
///
/// @source [memfd_secret(2)](https://man7.org/linux/man-pages/man2/memfd_secret.2.html),
///     [madvise(2)](https://man7.org/linux/man-pages/man2/madvise.2.html),
///     [mlock(2)](https://man7.org/linux/man-pages/man2/mlock.2.html)
/// @since 0.1.0
public final class SecretMemory implements AutoCloseable {
    /// The largest secret, in bytes: 1 GiB.
    public static final long MAX_BYTE_SIZE = 1L << 30;

    private static final long UNIT = 16; // as malloc aligns; also the least canary before a secret

    /// What may be done with the bytes of a secret.
    public enum Mode {
        /// Nothing: no access is open.
        NO_ACCESS(Linux.PROT_NONE),
        /// They may be read.
        READ_ONLY(Linux.PROT_READ),
        /// They may be read and written.
        READ_WRITE(Linux.PROT_READ | Linux.PROT_WRITE);

        private final int protection;

        Mode(int protection) {
            this.protection = protection;
        }
    }

    private enum State {
        OPEN,
        WIPED,
        UNMAPPED
    }

    private final SecretPages pages;
    private final Safeguards safeguards;
    private final long byteSize;
    private final long address;
    private final long canary = Canaries.next();

    private final ReentrantLock lock = new ReentrantLock();
    private final Set<Access> accesses = new HashSet<>(); // under the lock, as the two below
    private Mode mode = Mode.READ_WRITE; // as mapped
    private State state = State.OPEN;

    private SecretMemory(SecretPages pages, Safeguards safeguards, long byteSize) {
        this.pages = pages;
        this.safeguards = safeguards;
        this.byteSize = byteSize;
        this.address = pages.dataEnd() - Bits.alignUp(byteSize, UNIT);
    }

    /// Makes a secret of zeroes, to be written by [#readWrite] or [#write].
    ///
    /// @param byteSize size in bytes, from 0 to [#MAX_BYTE_SIZE]
    /// @param required the safeguards without which there shall be no secret
    /// @throws IllegalArgumentException if the size is outside its range
    /// @throws SystemCallException if there is no memory, or a required safeguard is refused
    public static SecretMemory allocate(long byteSize, Safeguard... required) {
        return create(LinuxCalls.instance(), byteSize, zeroes -> {}, required);
    }

    /// Makes a secret of the bytes in `source`, and overwrites those with zeroes. Where it throws, they are as they
    /// were.
    ///
    /// @param source at most [#MAX_BYTE_SIZE] bytes
    /// @param required the safeguards without which there shall be no secret
    /// @throws IllegalArgumentException if the source is too long
    /// @throws SystemCallException if there is no memory, or a required safeguard is refused
    public static SecretMemory fromBytes(byte[] source, Safeguard... required) {
        return fromBytes(LinuxCalls.instance(), source, required);
    }

    /// Makes a secret of the characters in `source`, as UTF-8 and with no copy in between, and overwrites those
    /// with zeroes. Where it throws, they are as they were.
    ///
    /// @param source at most [#MAX_BYTE_SIZE] bytes of UTF-8
    /// @param required the safeguards without which there shall be no secret
    /// @throws IllegalArgumentException if the source is too long or holds half a surrogate pair
    /// @throws SystemCallException if there is no memory, or a required safeguard is refused
    public static SecretMemory fromChars(char[] source, Safeguard... required) {
        return fromChars(LinuxCalls.instance(), source, required);
    }

    /// The size in bytes.
    public long byteSize() {
        return byteSize;
    }

    /// Which safeguards the system has granted, and why not the others.
    public Safeguards safeguards() {
        return safeguards;
    }

    /// What the pages allow at this moment.
    public Mode mode() {
        lock.lock();
        try {
            return mode;
        } finally {
            lock.unlock();
        }
    }

    /// Opens an access for reading.
    ///
    /// @throws IllegalStateException if this secret is closed
    /// @throws SystemCallException if the kernel does not change the pages' rights
    public Access readOnly() {
        return open(Mode.READ_ONLY);
    }

    /// Opens an access for reading and writing.
    ///
    /// @throws IllegalStateException if this secret is closed
    /// @throws SystemCallException if the kernel does not change the pages' rights
    public Access readWrite() {
        return open(Mode.READ_WRITE);
    }

    /// Shows the secret to a function, read-only. The segment is dead when the function returns.
    ///
    /// @throws IllegalStateException if this secret is closed
    /// @throws SystemCallException if the kernel does not change the pages' rights
    public <R extends @Nullable Object> R read(Function<? super MemorySegment, ? extends R> use) {
        try (Access access = readOnly()) {
            return use.apply(access.segment());
        }
    }

    /// Lets an action change the secret. The segment is dead when the action returns.
    ///
    /// @throws IllegalStateException if this secret is closed
    /// @throws SystemCallException if the kernel does not change the pages' rights
    public void write(Consumer<? super MemorySegment> change) {
        try (Access access = readWrite()) {
            change.accept(access.segment());
        }
    }

    /// Whether another secret holds the same bytes, in a time that depends on their number alone; at once where the
    /// sizes differ.
    ///
    /// @throws IllegalStateException if either is closed
    public boolean contentEquals(SecretMemory other) {
        try (Access access = other.readOnly()) {
            return contentEquals(access.segment());
        }
    }

    /// Whether an array holds the same bytes, in a time that depends on their number alone; at once where the sizes
    /// differ.
    ///
    /// @throws IllegalStateException if this secret is closed
    public boolean contentEquals(byte[] other) {
        return contentEquals(MemorySegment.ofArray(other));
    }

    /// Whether a segment holds the same bytes, in a time that depends on their number alone; at once where the
    /// sizes differ.
    ///
    /// @throws IllegalStateException if this secret or the segment's arena is closed
    public boolean contentEquals(MemorySegment other) {
        try (Access access = readOnly()) {
            MemorySegment own = access.segment();
            if (own.byteSize() != other.byteSize()) {
                return false;
            }
            int difference = 0;
            for (long offset = 0; offset < byteSize; offset++) { // to the end, whatever has been found
                difference |= own.get(ValueLayout.JAVA_BYTE, offset) ^ other.get(ValueLayout.JAVA_BYTE, offset);
            }
            return difference == 0;
        }
    }

    /// Checks the canary and this object's invariants.
    ///
    /// @throws CanaryException if bytes around the secret were overwritten
    /// @throws IllegalStateException if this secret is closed
    /// @throws SystemCallException if the kernel does not change the pages' rights
    public void verify() {
        lock.lock();
        try {
            requireOpen();
            if (mode == Mode.NO_ACCESS) {
                protect(Mode.READ_ONLY);
            }
            CanaryException damage;
            try {
                damage = damage();
            } finally {
                settle();
            }
            if (damage != null) {
                throw damage;
            }
            long behind = pages.dataEnd() - address - byteSize;
            if (address % UNIT != 0 || address - pages.data() < UNIT || behind < 0 || behind >= UNIT) {
                throw new AssertionError(this + " at 0x" + Long.toHexString(address));
            }
        } finally {
            lock.unlock();
        }
    }

    /// Cuts off open accesses, wipes the secret and gives its memory back. Once is enough, and twice is harmless.
    ///
    /// @throws CanaryException if bytes around the secret were overwritten; the secret is closed all the same
    /// @throws IllegalStateException if a system call or native function is using the segment of an access; the
    ///     secret is then not closed, and may be closed again
    /// @throws SystemCallException if the kernel refuses; the secret may be closed again
    @Override
    public void close() {
        lock.lock();
        try {
            if (state == State.UNMAPPED) {
                return;
            }
            CanaryException damage = null;
            if (state == State.OPEN) {
                cutAccesses();
                protect(Mode.READ_WRITE);
                try {
                    damage = damage();
                } finally {
                    pages.wipe();
                    state = State.WIPED;
                }
            }
            unmap(damage);
            state = State.UNMAPPED;
            mode = Mode.NO_ACCESS;
            if (damage != null) {
                throw damage;
            }
        } finally {
            lock.unlock();
        }
    }

    /// The size and the mode, never the content.
    @Override
    public String toString() {
        lock.lock();
        try {
            return "SecretMemory[" + byteSize + " bytes, " + (state == State.OPEN ? mode : "closed") + "]";
        } finally {
            lock.unlock();
        }
    }

    /// An open access to a secret. Any thread may use and close it.
    public static final class Access implements AutoCloseable {
        private final SecretMemory secret;
        private final Mode mode;
        private final Arena scope = Arena.ofShared();
        private final MemorySegment segment;

        private Access(SecretMemory secret, Mode mode) {
            this.secret = secret;
            this.mode = mode;
            MemorySegment writable = RawMemory.segment(secret.address, secret.byteSize, scope);
            this.segment = mode == Mode.READ_WRITE ? writable : writable.asReadOnly();
        }

        /// The secret's bytes, until this access or the secret is closed.
        public MemorySegment segment() {
            return segment;
        }

        /// What this access allows.
        public Mode mode() {
            return mode;
        }

        /// Ends the access; with the last one the pages have no rights any more. Once is enough, and twice is
        /// harmless.
        ///
        /// @throws IllegalStateException if a system call or native function is using the segment; the access stays
        ///     open
        /// @throws SystemCallException if the kernel does not change the pages' rights. The access is closed all
        ///     the same, and the secret's next call tries again
        @Override
        public void close() {
            secret.end(this);
        }

        @Override
        public String toString() {
            return "Access[" + mode + "]";
        }

        private void closeScope() {
            try {
                scope.close();
            } catch (IllegalStateException inUse) {
                throw new IllegalStateException(
                        "a system call or native function is using the secret: close again when that is over", inUse);
            }
        }
    }

    // The same, on given system calls.

    static SecretMemory fromBytes(SystemCalls calls, byte[] source, Safeguard... required) {
        SecretMemory secret = create(
                calls,
                source.length,
                bytes -> MemorySegment.copy(source, 0, bytes, ValueLayout.JAVA_BYTE, 0, source.length),
                required);
        Arrays.fill(source, (byte) 0); // the caller has the array: it is not dead, so the stores are not left out
        return secret;
    }

    static SecretMemory fromChars(SystemCalls calls, char[] source, Safeguard... required) {
        SecretMemory secret = create(calls, utf8ByteSize(source), bytes -> encode(source, bytes), required);
        Arrays.fill(source, '\0');
        return secret;
    }

    /// @param fill writes the first content
    static SecretMemory create(SystemCalls calls, long byteSize, Consumer<MemorySegment> fill, Safeguard... required) {
        if (byteSize < 0 || byteSize > MAX_BYTE_SIZE) {
            throw new IllegalArgumentException(
                    "byteSize=" + byteSize + " bytes: a secret has from 0 to " + MAX_BYTE_SIZE + " bytes");
        }
        SecretPages pages = SecretPages.map(calls, UNIT + Bits.alignUp(byteSize, UNIT));
        try {
            Safeguards safeguards = pages.guard();
            safeguards.require(required);
            pages.wipe(); // makes each page resident: memory that is short is met here
            SecretMemory secret = new SecretMemory(pages, safeguards, byteSize);
            secret.putCanary();
            try (Arena scope = Arena.ofConfined()) {
                fill.accept(RawMemory.segment(secret.address, byteSize, scope));
            }
            secret.settle();
            return secret;
        } catch (RuntimeException | Error failed) {
            discard(pages, failed);
            throw failed;
        }
    }

    private static void discard(SecretPages pages, Throwable failed) {
        try {
            try {
                pages.wipe(); // still writable: sealing comes last
            } finally {
                pages.unmap();
            }
        } catch (RuntimeException | Error another) {
            if (another != failed) { // the JVM throws one error twice where it has no room for a second
                failed.addSuppressed(another);
            }
        }
    }

    private static long utf8ByteSize(char[] source) {
        long byteSize = 0;
        for (int index = 0; index < source.length; index++) {
            char unit = source[index];
            if (Character.isHighSurrogate(unit)
                    && index + 1 < source.length
                    && Character.isLowSurrogate(source[index + 1])) {
                byteSize += 4;
                index++;
            } else if (Character.isSurrogate(unit)) {
                throw new IllegalArgumentException("source[" + index + "] is half a surrogate pair");
            } else {
                byteSize += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
            }
        }
        return byteSize;
    }

    private static void encode(char[] source, MemorySegment bytes) {
        ByteBuffer target = bytes.asByteBuffer();
        CoderResult result = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(source), target, true);
        if (!result.isUnderflow() || target.hasRemaining()) {
            throw new IllegalArgumentException("the source was changed while it was read");
        }
    }

    // Under the lock.

    private Access open(Mode wanted) {
        lock.lock();
        try {
            requireOpen();
            Access access = new Access(this, wanted);
            try {
                accesses.add(access);
                settle();
            } catch (RuntimeException | Error refused) {
                accesses.remove(access);
                access.closeScope();
                throw refused;
            }
            return access;
        } finally {
            lock.unlock();
        }
    }

    private void end(Access access) {
        lock.lock();
        try {
            if (accesses.contains(access)) {
                access.closeScope();
                accesses.remove(access);
                settle();
            }
        } finally {
            lock.unlock();
        }
    }

    private void cutAccesses() {
        try {
            for (Iterator<Access> open = accesses.iterator(); open.hasNext(); open.remove()) {
                open.next().closeScope();
            }
        } catch (RuntimeException | Error failed) {
            settle();
            throw failed;
        }
    }

    /// Gives the pages the rights of the widest open access.
    private void settle() {
        Mode widest = Mode.NO_ACCESS;
        for (Access access : accesses) {
            widest = access.mode.compareTo(widest) > 0 ? access.mode : widest;
        }
        if (mode != widest) {
            protect(widest);
        }
    }

    private void protect(Mode next) {
        pages.protect(next.protection);
        mode = next;
    }

    private void unmap(@Nullable CanaryException damage) {
        try {
            pages.unmap();
        } catch (SystemCallException refused) {
            if (damage != null) {
                refused.addSuppressed(damage);
            }
            throw refused;
        }
    }

    private void requireOpen() {
        if (state != State.OPEN) {
            throw new IllegalStateException("the secret is closed");
        }
    }

    // The canary: the bytes of a word that is the same for the life of this secret, each at the address that it has in
    // the word.

    private void putCanary() {
        for (long at = pages.data(); at < pages.dataEnd(); at = nextCanary(at)) {
            RawMemory.putByte(at, canaryByte(at));
        }
    }

    private @Nullable CanaryException damage() {
        long damagedBytes = 0;
        long first = 0;
        for (long at = pages.data(); at < pages.dataEnd(); at = nextCanary(at)) {
            if (RawMemory.getByte(at) != canaryByte(at)) {
                first = damagedBytes == 0 ? at : first;
                damagedBytes++;
            }
        }
        return damagedBytes == 0 ? null : new CanaryException(byteSize, first - address, damagedBytes);
    }

    /// The address of the canary byte after the one at `at`: the secret is skipped.
    private long nextCanary(long at) {
        return at + 1 == address ? address + byteSize : at + 1;
    }

    private byte canaryByte(long at) {
        return (byte) (canary >>> ((at & 7) * Byte.SIZE));
    }

    private static final class Canaries {
        private static final SecureRandom RANDOM = new SecureRandom();

        /// A word without a zero byte, which is what is most often written by mistake.
        static long next() {
            return RANDOM.nextLong() | 0x0101_0101_0101_0101L;
        }
    }
}
