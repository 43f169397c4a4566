package malloc4j.linux;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.time.Instant;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.LivenessLocks;
import malloc4j.internal.os.SystemCalls;
import malloc4j.process.MemoryLimits;
import org.jspecify.annotations.Nullable;

/// Memory that processes share: with a name, as by `shm_open`, or anonymous, as by `memfd_create`.
///
/// ```
///    process A                                                          process B
///    SharedMemory -- descriptor --.                        .-- descriptor -- SharedMemory
///                                  v                      v
///                            file in memory: mode, byteSize, locks
///                            | page | page | page |  - - - |
///                              ^                          ^
///    Mapping ------------------'                          '--------------------- Mapping
/// ```
///
/// A `SharedMemory` is one opening of such a file; [#map] makes its bytes accessible. A mapping lives on when the
/// `SharedMemory` it came from is closed. The memory itself lives as long as it has a name, or is open or mapped
/// anywhere. What two processes read and write at the same time needs memory order, as between threads:
/// `VarHandle`s of aligned words, acquire and release.
///
/// ```java
/// import java.lang.foreign.ValueLayout;
/// import malloc4j.linux.Mapping;
/// import malloc4j.linux.SharedMemory;
///
/// void main() {
///     String name = "/malloc4j-example-" + ProcessHandle.current().pid();
///     try (SharedMemory memory = SharedMemory.create(name, 4096);
///             Mapping writable = memory.map()) {
///         writable.segment().set(ValueLayout.JAVA_LONG, 0, 42);
///         try (SharedMemory peer = SharedMemory.open(name, SharedMemory.Access.READ_ONLY); // in any process
///                 Mapping readable = peer.map()) {
///             if (readable.segment().get(ValueLayout.JAVA_LONG, 0) != 42) throw new AssertionError();
///         }
///     } finally {
///         SharedMemory.unlink(name);
///     }
/// }
/// ```
///
/// **Names** are POSIX's: a slash, then 1 to 255 bytes in UTF-8 without another slash. The segment `/prices` is the
/// file `/dev/shm/prices`, for programs in C too. It appears under its name complete, with its size, pages and
/// first contents, and always exclusively: two processes cannot both create it.
///
/// **Stale names.** A name outlives its processes, `kill -9` included. Segments that this library creates tell
/// whether somebody still has them, by locks that the kernel drops with the last process; their bytes and size are
/// untouched. [#list] shows it, [#removeStale] removes a name that nobody has, whether its processes were killed or
/// forgot it; one that is to stay is created `persistent`. Of those, and of segments of other programs, nothing is
/// known ([Liveness#UNKNOWN]). A program in C that opens one of ours is not counted.
///
/// **Roles.** The same locks are there for a program's own use: [#hold] takes a numbered role, such as "the
/// producer", and [#holder] tells whether a process still has it. So a process that waits for another notices its
/// death.
///
/// **A file that gets shorter** under a mapping, by [#resize] in any process, takes its pages away: touching them
/// raises `SIGBUS`, which the JVM turns into an `InternalError` in Java code, and which kills a process in native
/// code. Shared memory from others that must not shrink is sealed against it ([Seal#SHRINK]).
///
/// Every method may be called by any thread. A failing kernel call throws [SystemCallException]; what asks the
/// kernel throws `IllegalStateException` once this is closed.
///
/// @source [shm_overview(7)](https://man7.org/linux/man-pages/man7/shm_overview.7.html),
///     [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html)
/// @since 0.1.0
public final class SharedMemory implements AutoCloseable {
    /// What an opening may do.
    public enum Access {
        /// Read; every attempt to write is refused.
        READ_ONLY(Linux.O_RDONLY, Linux.PROT_READ),
        /// Read, write, resize and seal.
        READ_WRITE(Linux.O_RDWR, Linux.PROT_READ | Linux.PROT_WRITE);

        private final int openFlags;
        private final int protection;

        Access(int openFlags, int protection) {
            this.openFlags = openFlags;
            this.protection = protection;
        }

        int openFlags() {
            return openFlags;
        }
    }

    /// What can be forbidden about anonymous memory, for everybody and for good.
    ///
    /// @source [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html), `F_ADD_SEALS`
    public enum Seal {
        /// No more seals.
        SEAL(Linux.F_SEAL_SEAL),
        /// It does not get smaller: no mapping can come to lie past its end.
        SHRINK(Linux.F_SEAL_SHRINK),
        /// It does not get larger.
        GROW(Linux.F_SEAL_GROW),
        /// No writes any more. Refused with `EBUSY` while a writable mapping exists anywhere.
        WRITE(Linux.F_SEAL_WRITE),
        /// No new writable mappings and no `write`; through those that exist writing goes on (Linux 5.1).
        FUTURE_WRITE(Linux.F_SEAL_FUTURE_WRITE),
        /// It does not become executable (Linux 6.3); anonymous memory has this seal from the start where the
        /// kernel knows it.
        EXEC(Linux.F_SEAL_EXEC);

        private final int bit;

        Seal(int bit) {
            this.bit = bit;
        }
    }

    /// Whether somebody still has a named segment: has it open or mapped.
    public enum Liveness {
        /// The process that created it.
        CREATOR_LIVES,
        /// Not its creator, which has ended or closed it and its mappings, but another process that opened it with
        /// this library.
        ORPHANED,
        /// Nobody who uses this library: the name was left behind.
        STALE,
        /// It was not created by this library, or as `persistent`, or this user may not read it.
        UNKNOWN
    }

    /// A named segment as it was for a moment.
    ///
    /// @param byteSize its size in bytes
    /// @param allocatedBytes the bytes of its pages that exist, in memory or swapped out
    /// @param mode permission bits, as in [SharedMemoryOptions]
    /// @param uid the user who owns it
    /// @param created when it was created; before Linux 5.18, when its status last changed
    /// @param creatorPid the process that created it, while that has it, in that process's own pid namespace
    public record Status(
            String name,
            long byteSize,
            long allocatedBytes,
            int mode,
            int uid,
            Instant created,
            Liveness liveness,
            OptionalLong creatorPid) {
        /// As the record's own, with the mode as `chmod` takes it and sizes in words too.
        @Override
        public String toString() {
            return "Status[name=" + name + ", byteSize=" + byteSize + " (" + Sizes.text(byteSize) + "), allocatedBytes="
                    + allocatedBytes + " (" + Sizes.text(allocatedBytes) + "), mode=0" + Integer.toOctalString(mode)
                    + ", uid=" + uid + ", created=" + created + ", liveness=" + liveness + ", creatorPid="
                    + (creatorPid.isPresent() ? creatorPid.getAsLong() : "-") + "]";
        }

        /// How long ago it was created.
        public Duration age() {
            return Duration.between(created, Instant.now());
        }
    }

    /// The largest size: 64 TiB.
    public static final long MAX_BYTE_SIZE = 1L << 46;

    /// The largest role of [#hold].
    public static final int MAX_ROLE = 1023;

    private static final long MIN_RESERVE_STEP = 1 << 20;
    private static final long MIN_COMPARED_BYTES = 64 << 20; // looking costs a millisecond, these pages ten

    private final SystemCalls calls;
    private final int fd;
    private final @Nullable String name;
    private final String path;
    private final Access access;
    private final boolean created;
    private final SharedMemoryOptions options;

    // Read: the descriptor stays open meanwhile. Write: it is closed. Without it a thread could use a number that the
    // kernel has given to another file since.
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private boolean closed;

    // Held by this opening, whose own locks are not in its way; its own lock. Room for all: a role once taken is noted.
    private final BitSet roles = new BitSet(MAX_ROLE + 1);

    SharedMemory(
            SystemCalls calls,
            int fd,
            @Nullable String name,
            String path,
            Access access,
            boolean created,
            SharedMemoryOptions options) {
        this.calls = calls;
        this.fd = fd;
        this.name = name;
        this.path = path;
        this.access = access;
        this.created = created;
        this.options = options;
    }

    /// Closes a descriptor that is not handed out after all.
    ///
    /// @param memory what was made of it, null for nothing
    static void abandon(SystemCalls calls, int fd, @Nullable SharedMemory memory) {
        if (memory != null) {
            memory.close();
        } else {
            calls.close(fd);
        }
    }

    // Named.

    /// Creates a segment of zeroes, open for reading and writing, that only this user can open.
    ///
    /// @param name as `/prices`
    /// @param byteSize 1 to [#MAX_BYTE_SIZE]
    /// @throws IllegalArgumentException if the name or the size is none, saying why
    /// @throws SystemCallException with `EEXIST` if the name is taken, saying by whom as far as that is known; with
    ///     `ENOSPC` or `ENOMEM` if there is no room for all its pages
    /// @source [shm_open(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html) with `O_CREAT|O_EXCL`
    public static SharedMemory create(String name, long byteSize) {
        return create(name, byteSize, SharedMemoryOptions.defaults());
    }

    /// The same, with options.
    public static SharedMemory create(String name, long byteSize, SharedMemoryOptions options) {
        return directory().create(name, byteSize, options);
    }

    /// Opens the segment of a name for reading and writing, or creates it when there is none; [#isCreator] tells
    /// which. One that exists keeps its size, mode and contents.
    public static SharedMemory openOrCreate(String name, long byteSize, SharedMemoryOptions options) {
        return directory().openOrCreate(name, byteSize, options);
    }

    /// Opens the segment of a name.
    ///
    /// @throws SystemCallException with `ENOENT` if there is none, with `EACCES` if its mode does not let this user
    /// @throws IllegalStateException if something else than a file has this name
    public static SharedMemory open(String name, Access access) {
        return directory().open(name, access);
    }

    /// Removes a name, whoever uses the segment: those who have it open or mapped keep it, and it is freed when the
    /// last of them lets go. Returns whether there was such a name.
    ///
    /// @source [shm_unlink(3)](https://man7.org/linux/man-pages/man3/shm_open.3.html), which refuses where there is
    ///     none
    public static boolean unlink(String name) {
        return directory().unlink(name);
    }

    /// Removes a name if it is [Liveness#STALE] at that moment; a process that opens it at the same time either
    /// keeps it so from being removed, or finds no such name. Returns whether it was removed.
    ///
    /// @throws SystemCallException with `EACCES` if this user may not open it for writing, which the proof needs
    public static boolean removeStale(String name) {
        return directory().removeStale(name);
    }

    /// Every file in `/dev/shm`, by name: segments of any program, named semaphores (`/sem.NAME`) too; without
    /// those whose names are not UTF-8. Takes a handful of system calls for each.
    public static List<Status> list() {
        return directory().list();
    }

    /// What is known of the segment of a name; empty when there is none.
    public static Optional<Status> status(String name) {
        return directory().status(name);
    }

    private static SharedMemoryDirectory directory() {
        return new SharedMemoryDirectory(LinuxCalls.instance(), SharedMemoryDirectory.SYSTEM);
    }

    // Anonymous.

    /// Creates memory of zeroes that has no name. Another process opens it by [#openProcess], a child or a program
    /// in C by [#path]. It can be sealed, and never becomes executable where the kernel supports that.
    ///
    /// @param label what `/proc` shows it as, up to 249 bytes in UTF-8; need not be unique
    /// @param byteSize 1 to [#MAX_BYTE_SIZE]
    /// @source [memfd_create(2)](https://man7.org/linux/man-pages/man2/memfd_create.2.html)
    public static SharedMemory anonymous(String label, long byteSize) {
        return anonymous(label, byteSize, SharedMemoryOptions.defaults());
    }

    /// The same, with options.
    public static SharedMemory anonymous(String label, long byteSize, SharedMemoryOptions options) {
        return AnonymousMemory.create(LinuxCalls.instance(), label, byteSize, options);
    }

    /// Opens anonymous memory of another process, or a named segment that it has open.
    ///
    /// Both numbers are the other process's to tell ([#fd]); whoever may look at its `/proc/PID/fd` may do this:
    /// the same user, if it has not made itself undumpable, or one with `CAP_SYS_PTRACE`; with [Access#READ_WRITE]
    /// the memory's mode must allow it too. It is a new opening of the same memory, which lives on when the other
    /// process ends.
    ///
    /// A process that ends gives its numbers back, and the descriptor may be any other file by now. That it is
    /// memory is checked, and nothing else.
    ///
    /// @param pid in this process's pid namespace, greater than 0
    /// @param fd the descriptor's number there, 0 or more
    /// @throws IllegalStateException if the descriptor is not one of shared memory
    public static SharedMemory openProcess(long pid, int fd, Access access) {
        return AnonymousMemory.openProcess(LinuxCalls.instance(), pid, fd, access);
    }

    // What it is.

    /// Its name; empty when it is anonymous, or was opened by [#openProcess].
    public Optional<String> name() {
        return Optional.ofNullable(name);
    }

    /// The file that other processes can open: in `/dev/shm`, or this process's descriptor under `/proc` while it
    /// is open.
    public String path() {
        return path;
    }

    /// The descriptor's number in this process. It closes with this object.
    public int fd() {
        return whileOpen(fd -> fd);
    }

    /// What this opening may do.
    public Access access() {
        return access;
    }

    /// Whether this opening created the memory.
    public boolean isCreator() {
        return created;
    }

    /// The size in bytes at this moment.
    public long byteSize() {
        return status().byteSize();
    }

    /// The permission bits.
    public int mode() {
        return status().permissions();
    }

    private FileStatus status() {
        return whileOpen(fd -> FileStatus.of(calls, fd));
    }

    /// Sets the permission bits as given, whatever the umask. They decide who may open it from now on.
    ///
    /// @param mode 0 to 0777 (octal)
    /// @throws SystemCallException with `EPERM` if this user does not own it
    public void setMode(int mode) {
        SharedMemoryOptions.checkMode(mode);
        whileOpen(fd -> {
            int mark = FileStatus.of(calls, fd).mode() & SharedMemoryDirectory.MARK;
            String call = "fchmod(" + this + ", mode=0" + Integer.toOctalString(mode) + ")";
            return check(call, calls.fchmod(fd, mode | mark), "only its owner, or root, sets the mode");
        });
    }

    // Size.

    /// Sets the size. Growing adds zeroes, allocated at once unless `reserve` was switched off when this opening
    /// created it. Shrinking takes pages away from every mapping, in every process. Processes that resize at the
    /// same time must agree among themselves.
    ///
    /// @param byteSize 1 to [#MAX_BYTE_SIZE]
    /// @throws IllegalStateException if it was opened read-only
    /// @throws SystemCallException with `EPERM` if it is sealed against it; with `ENOSPC` or `ENOMEM` if there is
    ///     no room, the size being what it was
    /// @source [ftruncate(2)](https://man7.org/linux/man-pages/man2/ftruncate.2.html),
    ///     [fallocate(2)](https://man7.org/linux/man-pages/man2/fallocate.2.html)
    public void resize(long byteSize) {
        checkByteSize(byteSize, options);
        requireWritable("resized");
        whileOpen(fd -> {
            setByteSize(fd, FileStatus.of(calls, fd).byteSize(), byteSize);
            return 0;
        });
    }

    /// Gives new memory its size, pages and contents.
    void initialise(long byteSize, @Nullable Consumer<MemorySegment> contents) {
        whileOpen(fd -> {
            setByteSize(fd, 0, byteSize);
            return 0;
        });
        if (contents != null) {
            try (Mapping mapping = map()) {
                contents.accept(mapping.segment());
            }
        }
    }

    private void setByteSize(int fd, long oldByteSize, long byteSize) {
        boolean grows = byteSize > oldByteSize;
        long result = grows && options.reserve() ? allocate(fd, oldByteSize, byteSize) : calls.ftruncate(fd, byteSize);
        if (result >= 0) {
            return;
        }
        String call = grows && options.reserve()
                ? "fallocate(" + this + ", offset=" + oldByteSize + ", byteSize=" + (byteSize - oldByteSize) + ")"
                : "ftruncate(" + this + ", byteSize=" + byteSize + ")";
        throw new SystemCallException(call, result, adviceOnSize(result));
    }

    /// Allocates the pages of a range past the end, which moves the end. Returns 0, or minus errno, with the end
    /// where it was.
    ///
    /// The first call asks for all: what can never fit into a file system is refused before a page is touched. A
    /// signal to this thread, such as a profiler's, ends a call without effect, and signals that come faster than
    /// the pages would never let a large one through: so the steps get smaller.
    private long allocate(int fd, long from, long to) {
        if (to - from >= MIN_COMPARED_BYTES && options.hugePageBytes() == 0 && to - from > possibleBytes()) {
            return -Errno.ENOMEM;
        }
        long offset = from;
        long step = to - from;
        while (offset < to) {
            long byteSize = Math.min(step, to - offset);
            long result = calls.fallocate(fd, 0, offset, byteSize);
            if (result == -Errno.EINTR) {
                step = Math.max(Math.max(MIN_RESERVE_STEP, options.hugePageBytes()), Long.highestOneBit(step) / 2);
            } else if (result < 0) {
                calls.ftruncate(fd, from); // hugetlbfs keeps the pages that it had got
                return result;
            } else {
                offset += byteSize;
            }
        }
        return 0;
    }

    /// What the machine and the control group have at most, in bytes. A memory file has no limit of its own, and
    /// for its pages the kernel kills processes, this one first, before it refuses.
    private static long possibleBytes() {
        MemoryLimits limits = MemoryLimits.read();
        long ofMachine = limits.machine().availableBytes().orElse(MemoryLimits.UNLIMITED / 2)
                + limits.machine().swapFreeBytes().orElse(0L);
        long ofGroup =
                limits.controlGroup().map(MemoryLimits.ControlGroup::limitBytes).orElse(MemoryLimits.UNLIMITED);
        return Math.min(ofMachine, ofGroup);
    }

    private String adviceOnSize(long result) {
        return switch ((int) -result) {
            case Errno.ENOSPC ->
                options.hugePageBytes() != 0
                        ? "no huge pages are free: raise /proc/sys/vm/nr_hugepages, or take normal ones"
                        : "the file system is full: list() shows what else is in it; mount it larger (docker run --shm-size), "
                                + "or ask for less";
            case Errno.ENOMEM ->
                "neither the machine nor the memory limit of this cgroup has so much left: ask for less, or switch the "
                        + "option reserve off";
            case Errno.EPERM -> "it is sealed against this: seals() tells";
            case Errno.EOPNOTSUPP -> "this file system cannot allocate pages beforehand: switch the option reserve off";
            case Errno.EFBIG -> "the file system or RLIMIT_FSIZE does not allow this size";
            default -> "see ftruncate(2) and fallocate(2)";
        };
    }

    // Seals.

    /// Adds seals, which nobody can remove. None changes what is mapped already.
    ///
    /// @throws IllegalStateException if it was opened read-only
    /// @throws SystemCallException with `EPERM` if it is named or has [Seal#SEAL]; with `EBUSY` for [Seal#WRITE]
    ///     while a writable mapping exists in any process
    /// @source [fcntl(2)](https://man7.org/linux/man-pages/man2/fcntl.2.html), `F_ADD_SEALS`
    public void seal(Seal... seals) {
        int bits = 0;
        for (Seal seal : seals) {
            bits |= seal.bit;
        }
        requireWritable("sealed");
        long word = bits;
        whileOpen(fd -> {
            long result = calls.fcntl(fd, Linux.F_ADD_SEALS, word);
            return check("fcntl(" + this + ", F_ADD_SEALS, " + List.of(seals) + ")", result, adviceOnSealing(result));
        });
    }

    private static String adviceOnSealing(long result) {
        return switch ((int) -result) {
            case Errno.EPERM -> "named memory cannot be sealed, nor can what has the seal SEAL";
            case Errno.EBUSY -> "close every writable mapping of it, in other processes too, or seal it FUTURE_WRITE";
            case Errno.EINVAL -> "this kernel does not know a seal of these";
            default -> "see fcntl(2)";
        };
    }

    /// The seals it has. Named memory always has [Seal#SEAL]: it cannot be sealed.
    public Set<Seal> seals() {
        return whileOpen(fd -> {
            long bits = checkSeals(fd, calls.fcntl(fd, Linux.F_GET_SEALS, 0));
            Set<Seal> seals = EnumSet.noneOf(Seal.class);
            for (Seal seal : Seal.values()) {
                if ((bits & seal.bit) != 0) {
                    seals.add(seal);
                }
            }
            return seals;
        });
    }

    static long checkSeals(long fd, long result) {
        return check("fcntl(fd=" + fd + ", F_GET_SEALS)", result, "only a tmpfs has seals");
    }

    // Mappings.

    /// Maps all of it with this opening's access.
    public Mapping map() {
        return map(access);
    }

    /// Maps all of it.
    public Mapping map(Access access) {
        return map(access, 0, byteSize());
    }

    /// Maps a range. The mapping lives until it is closed, whatever becomes of this opening; it also keeps this
    /// opening's locks ([#hold], and those that tell that the segment is not stale).
    ///
    /// @param access not more than this opening's
    /// @param offset the first byte, a multiple of the page size; of the huge-page size for huge pages
    /// @param byteSize 1 or more, and not past the end
    /// @throws IllegalArgumentException if the range is not inside the memory, or `offset` is no multiple
    /// @throws IllegalStateException if `access` is more than this opening's
    /// @throws SystemCallException with `EPERM` if it is sealed against writing
    public Mapping map(Access access, long offset, long byteSize) {
        if (access == Access.READ_WRITE) {
            requireWritable("mapped for writing");
        }
        return whileOpen(fd -> {
            long allBytes = FileStatus.of(calls, fd).byteSize();
            if (offset < 0 || byteSize < 1 || byteSize > allBytes - offset) {
                throw new IllegalArgumentException("range of byteSize=" + byteSize + " at offset=" + offset
                        + " is not inside the " + allBytes + " bytes of " + this);
            }
            long pageBytes = Math.max(options.hugePageBytes(), MemoryLock.pageBytes(calls));
            if (offset % pageBytes != 0) {
                throw new IllegalArgumentException(
                        "offset=" + offset + " is not a multiple of the page size, " + pageBytes + " bytes");
            }
            return Mapping.map(calls, toString(), byteSize, access.protection, Linux.MAP_SHARED, fd, offset);
        });
    }

    // Locks that tell who lives.

    /// Takes a role for this opening, if nobody has it: no other opening, in this process or elsewhere, and not
    /// this one. It is kept until this opening and all its mappings are closed, or their process is gone. Returns
    /// whether it was taken.
    ///
    /// @param role 0 to [#MAX_ROLE]; what it means is up to the program
    /// @throws IllegalStateException if it was opened read-only
    public boolean hold(int role) {
        checkRole(role);
        requireWritable("held in a role");
        return whileOpen(fd -> {
            synchronized (roles) {
                long result = roles.get(role) ? -Errno.EAGAIN : LivenessLocks.take(calls, fd, LivenessLocks.role(role));
                if (result == -Errno.EAGAIN) {
                    return false;
                }
                if (result < 0) {
                    throw new SystemCallException(
                            "fcntl(" + this + ", F_OFD_SETLK, role=" + role + ")", result, "see fcntl(2)");
                }
                roles.set(role);
                return true;
            }
        });
    }

    /// Who has a role: the pid, in the holder's own pid namespace, or 0 if it does not tell; empty when nobody has
    /// it. Costs one system call.
    ///
    /// All that the holder wrote before it died can be read after this method has returned empty.
    public OptionalLong holder(int role) {
        checkRole(role);
        return whileOpen(fd -> {
            synchronized (roles) {
                if (roles.get(role)) {
                    return OptionalLong.of(ProcessHandle.current().pid());
                }
            }
            return pid(SharedMemoryDirectory.holder(calls, fd, LivenessLocks.role(role)));
        });
    }

    /// The process that created it, if that still has it open or mapped, as in [#holder]; empty too when it is
    /// anonymous, `persistent`, or another program's.
    public OptionalLong creatorPid() {
        if (created && name != null && !options.persistent()) {
            return whileOpen(fd -> OptionalLong.of(ProcessHandle.current().pid()));
        }
        return whileOpen(fd -> pid(SharedMemoryDirectory.holder(calls, fd, LivenessLocks.CREATOR)));
    }

    private static OptionalLong pid(long holder) {
        return holder == LivenessLocks.NOBODY ? OptionalLong.empty() : OptionalLong.of(holder);
    }

    private static void checkRole(int role) {
        if (role < 0 || role > MAX_ROLE) {
            throw new IllegalArgumentException("role " + role + " is not from 0 to " + MAX_ROLE);
        }
    }

    // Common.

    static void checkByteSize(long byteSize, SharedMemoryOptions options) {
        if (byteSize < 1 || byteSize > MAX_BYTE_SIZE) {
            throw new IllegalArgumentException(
                    "byteSize=" + byteSize + " is not from 1 to " + MAX_BYTE_SIZE + " bytes");
        }
        long hugePageBytes = options.hugePageBytes();
        if (hugePageBytes != 0 && byteSize % hugePageBytes != 0) {
            throw new IllegalArgumentException(
                    "byteSize=" + byteSize + " bytes is not a multiple of hugePageBytes=" + hugePageBytes);
        }
    }

    private void requireWritable(String what) {
        if (access == Access.READ_ONLY) {
            throw new IllegalStateException(this + " was opened READ_ONLY and cannot be " + what);
        }
    }

    private static long check(String call, long result, String advice) {
        if (result < 0) {
            throw new SystemCallException(call, result, advice);
        }
        return result;
    }

    private <T> T whileOpen(IntFunction<T> action) {
        lock.readLock().lock();
        try {
            if (closed) {
                throw new IllegalStateException(this + " is closed");
            }
            return action.apply(fd);
        } finally {
            lock.readLock().unlock();
        }
    }

    /// Closes the descriptor; mappings live on, and so does a name. Waits for calls that other threads are making
    /// on this object. A second time it does nothing.
    @Override
    public void close() {
        lock.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                calls.close(fd); // whatever it answers, the descriptor is gone: see its manual page
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public String toString() {
        return "shared memory " + (name != null ? name : path);
    }
}
