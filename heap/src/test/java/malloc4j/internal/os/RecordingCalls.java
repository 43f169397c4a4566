package malloc4j.internal.os;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;

/// System calls that are written down, and that can be made to fail.
///
/// Wraps another [SystemCalls], usually [LinuxCalls]. Each call is recorded as text that reads like the C source, with
/// its result:
///
/// ```
/// mmap(0x0, 65536, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f12c4000000
/// mprotect(0x7f12c4000000, 4096, PROT_READ|PROT_WRITE) = ENOMEM (injected)
/// ```
///
/// A failure is armed by [#failOnce(long, int)] and its kin: the n-th call counted from the arming (1 is the next
/// one), of all calls, of one name, or of those whose text matches. A call that is made to fail is not performed.
/// Several failures may be armed; each counts for itself, and the first that is due decides.
///
/// Any thread may call. While [#setEnabled] is off, calls pass through: nothing is recorded, counted or failed.
public final class RecordingCalls implements SystemCalls {
    /// One call that was made.
    ///
    /// @param name the method of [SystemCalls]
    /// @param text name and arguments
    /// @param result what the caller got
    /// @param injected whether it was made to fail, and not performed
    public record Call(String name, String text, long result, boolean injected) {
        @Override
        public String toString() {
            String value = Errno.isError(result)
                    ? Errno.name(result)
                    : result > 0xffff ? "0x" + Long.toHexString(result) : Long.toString(result);
            return text + " = " + value + (injected ? " (injected)" : "");
        }
    }

    private static final class Failure {
        private final Predicate<String> matches;
        private final boolean once;
        private final ToIntFunction<String> errno;
        private long callsLeft;

        Failure(Predicate<String> matches, long nth, boolean once, ToIntFunction<String> errno) {
            if (nth < 1) {
                throw new IllegalArgumentException("calls are counted from 1: " + nth);
            }
            this.matches = matches;
            this.once = once;
            this.errno = errno;
            this.callsLeft = nth;
        }

        boolean isDue(String text) {
            if (!matches.test(text)) {
                return false;
            }
            callsLeft--;
            return once ? callsLeft == 0 : callsLeft <= 0;
        }
    }

    private final SystemCalls target;
    private final List<Call> calls = new ArrayList<>();
    private final List<Failure> failures = new ArrayList<>();
    private volatile boolean enabled = true;

    /// Records the calls that go to `target`.
    public RecordingCalls(SystemCalls target) {
        this.target = target;
    }

    // What was called.

    /// The calls so far, oldest first, without their results.
    public synchronized List<String> calls() {
        return calls.stream().map(Call::text).toList();
    }

    /// The calls so far of one name, without their results.
    public synchronized List<String> calls(String name) {
        return calls.stream()
                .filter(call -> call.name().equals(name))
                .map(Call::text)
                .toList();
    }

    /// The calls so far, oldest first, with all that is known of them.
    public synchronized List<Call> transcript() {
        return List.copyOf(calls);
    }

    /// How many calls were made, those that were made to fail included.
    public synchronized long count() {
        return calls.size();
    }

    /// How many calls of one name were made, those that were made to fail included.
    public synchronized long count(String name) {
        return calls.stream().filter(call -> call.name().equals(name)).count();
    }

    /// How many calls were made to fail.
    public synchronized long injectedCount() {
        return calls.stream().filter(Call::injected).count();
    }

    /// Forgets the calls so far; armed failures stay.
    public synchronized void clear() {
        calls.clear();
    }

    /// Switches recording, counting and failing on (as at the start) or off.
    public void setEnabled(boolean enabled) {
        this.enabled = enabled;
    }

    // What is to fail.

    /// Makes the n-th call from now fail, and no other.
    public void failOnce(long nth, int errno) {
        failOnce(text -> true, nth, errno);
    }

    /// Makes the n-th call from now fail, and all after it.
    public void failFrom(long nth, int errno) {
        failFrom(text -> true, nth, errno);
    }

    /// Makes the n-th call of a name fail, and no other.
    public void failOnce(String name, long nth, int errno) {
        failOnce(named(name), nth, errno);
    }

    /// Makes the n-th call of a name fail, and all of that name after it.
    public void failFrom(String name, long nth, int errno) {
        failFrom(named(name), nth, errno);
    }

    /// Makes the n-th of the calls whose text matches fail, and no other.
    public synchronized void failOnce(Predicate<String> text, long nth, int errno) {
        failures.add(new Failure(text, nth, true, name -> errno));
    }

    /// Makes the n-th of the calls whose text matches fail, and all such after it.
    public synchronized void failFrom(Predicate<String> text, long nth, int errno) {
        failures.add(new Failure(text, nth, false, name -> errno));
    }

    /// Makes the n-th call from now fail, and no other, with an errno that its name decides.
    public synchronized void failOnce(long nth, ToIntFunction<String> errno) {
        failures.add(new Failure(text -> true, nth, true, errno));
    }

    /// Makes the n-th call from now fail, and all after it, with an errno that each one's name decides.
    public synchronized void failFrom(long nth, ToIntFunction<String> errno) {
        failures.add(new Failure(text -> true, nth, false, errno));
    }

    /// Disarms all failures.
    public synchronized void stopFailing() {
        failures.clear();
    }

    private static Predicate<String> named(String name) {
        boolean known = false;
        for (var method : SystemCalls.class.getMethods()) {
            known |= method.getName().equals(name);
        }
        if (!known) {
            throw new IllegalArgumentException("no such call: " + name);
        }
        return text -> text.startsWith(name + "(");
    }

    private long record(String name, String arguments, LongSupplier perform) {
        String text = name + "(" + arguments + ")";
        int errno = errnoDue(name, text);
        boolean injected = errno != 0;
        // Outside the lock: calls may block, and run side by side.
        long result = injected ? -errno : perform.getAsLong();
        synchronized (this) {
            calls.add(new Call(name, text, result, injected));
        }
        return result;
    }

    private synchronized int errnoDue(String name, String text) {
        int errno = 0;
        for (Failure failure : failures) {
            if (failure.isDue(text) && errno == 0) { // every failure counts, whichever decides
                errno = failure.errno.applyAsInt(name);
                if (!Errno.isError(-errno)) {
                    throw new IllegalArgumentException("not an errno: " + errno);
                }
            }
        }
        return errno;
    }

    private static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }

    private static String range(long address, long byteSize) {
        return hex(address) + ", " + byteSize;
    }

    private static String quoted(String name) {
        return '"' + name + '"';
    }

    private static String protection(int protection) {
        return FlagNames.bits("PROT_", protection);
    }

    private static String openFlags(int flags) {
        int accessMode = flags & (Linux.O_WRONLY | Linux.O_RDWR);
        String name = FlagNames.value("O_", accessMode);
        int others = flags & ~accessMode;
        return others == 0 ? name : name + "|" + FlagNames.bits("O_", others);
    }

    // The calls, in the order of SystemCalls.

    @Override
    public long mmap(long address, long byteSize, int protection, int flags, int fd, long offset) {
        if (!enabled) {
            return target.mmap(address, byteSize, protection, flags, fd, offset);
        }
        String arguments = range(address, byteSize) + ", " + protection(protection) + ", " + FlagNames.mapFlags(flags)
                + ", " + fd + ", " + offset;
        return record("mmap", arguments, () -> target.mmap(address, byteSize, protection, flags, fd, offset));
    }

    @Override
    public long munmap(long address, long byteSize) {
        if (!enabled) {
            return target.munmap(address, byteSize);
        }
        return record("munmap", range(address, byteSize), () -> target.munmap(address, byteSize));
    }

    @Override
    public long mremap(long oldAddress, long oldByteSize, long newByteSize, int flags, long newAddress) {
        if (!enabled) {
            return target.mremap(oldAddress, oldByteSize, newByteSize, flags, newAddress);
        }
        String arguments = range(oldAddress, oldByteSize) + ", " + newByteSize + ", " + FlagNames.bits("MREMAP_", flags)
                + ", " + hex(newAddress);
        return record(
                "mremap", arguments, () -> target.mremap(oldAddress, oldByteSize, newByteSize, flags, newAddress));
    }

    @Override
    public long mprotect(long address, long byteSize, int protection) {
        if (!enabled) {
            return target.mprotect(address, byteSize, protection);
        }
        String arguments = range(address, byteSize) + ", " + protection(protection);
        return record("mprotect", arguments, () -> target.mprotect(address, byteSize, protection));
    }

    @Override
    public long madvise(long address, long byteSize, int advice) {
        if (!enabled) {
            return target.madvise(address, byteSize, advice);
        }
        String arguments = range(address, byteSize) + ", " + FlagNames.value("MADV_", advice);
        return record("madvise", arguments, () -> target.madvise(address, byteSize, advice));
    }

    @Override
    public long mincore(long address, long byteSize, long vectorAddress) {
        if (!enabled) {
            return target.mincore(address, byteSize, vectorAddress);
        }
        String arguments = range(address, byteSize) + ", " + hex(vectorAddress);
        return record("mincore", arguments, () -> target.mincore(address, byteSize, vectorAddress));
    }

    @Override
    public long sbrk(long increment) {
        if (!enabled) {
            return target.sbrk(increment);
        }
        return record("sbrk", Long.toString(increment), () -> target.sbrk(increment));
    }

    @Override
    public long awaitCLibraryBreak() {
        if (!enabled) {
            return target.awaitCLibraryBreak();
        }
        return record("awaitCLibraryBreak", "", target::awaitCLibraryBreak);
    }

    @Override
    public long sysconf(int name) {
        if (!enabled) {
            return target.sysconf(name);
        }
        return record("sysconf", FlagNames.value("_SC_", name), () -> target.sysconf(name));
    }

    @Override
    public long prlimit(int pid, int resource, long newLimitAddress, long oldLimitAddress) {
        if (!enabled) {
            return target.prlimit(pid, resource, newLimitAddress, oldLimitAddress);
        }
        String arguments = pid + ", " + FlagNames.value("RLIMIT_", resource) + ", " + hex(newLimitAddress) + ", "
                + hex(oldLimitAddress);
        return record("prlimit", arguments, () -> target.prlimit(pid, resource, newLimitAddress, oldLimitAddress));
    }

    @Override
    public long memfdCreate(String name, int flags) {
        if (!enabled) {
            return target.memfdCreate(name, flags);
        }
        String arguments = quoted(name) + ", " + FlagNames.bits("MFD_", flags);
        return record("memfdCreate", arguments, () -> target.memfdCreate(name, flags));
    }

    @Override
    public long open(String path, int flags, int mode) {
        if (!enabled) {
            return target.open(path, flags, mode);
        }
        String arguments = quoted(path) + ", " + openFlags(flags) + ", 0" + Integer.toOctalString(mode);
        return record("open", arguments, () -> target.open(path, flags, mode));
    }

    @Override
    public long close(int fd) {
        if (!enabled) {
            return target.close(fd);
        }
        return record("close", Integer.toString(fd), () -> target.close(fd));
    }

    @Override
    public long unlink(String path) {
        if (!enabled) {
            return target.unlink(path);
        }
        return record("unlink", quoted(path), () -> target.unlink(path));
    }

    @Override
    public long link(String path, String newPath, int flags) {
        if (!enabled) {
            return target.link(path, newPath, flags);
        }
        String arguments = quoted(path) + ", " + quoted(newPath) + ", " + FlagNames.bits("AT_", flags);
        return record("link", arguments, () -> target.link(path, newPath, flags));
    }

    @Override
    public long statx(int fd, String path, int flags, int mask, long statusAddress) {
        if (!enabled) {
            return target.statx(fd, path, flags, mask, statusAddress);
        }
        String arguments = fd + ", " + quoted(path) + ", " + FlagNames.bits("AT_", flags) + ", "
                + FlagNames.bits("STATX_", mask) + ", " + hex(statusAddress);
        return record("statx", arguments, () -> target.statx(fd, path, flags, mask, statusAddress));
    }

    @Override
    public long fchmod(int fd, int mode) {
        if (!enabled) {
            return target.fchmod(fd, mode);
        }
        return record("fchmod", fd + ", 0" + Integer.toOctalString(mode), () -> target.fchmod(fd, mode));
    }

    @Override
    public long getdents64(int fd, long bufferAddress, long bufferByteSize) {
        if (!enabled) {
            return target.getdents64(fd, bufferAddress, bufferByteSize);
        }
        String arguments = fd + ", " + range(bufferAddress, bufferByteSize);
        return record("getdents64", arguments, () -> target.getdents64(fd, bufferAddress, bufferByteSize));
    }

    @Override
    public long ftruncate(int fd, long byteSize) {
        if (!enabled) {
            return target.ftruncate(fd, byteSize);
        }
        return record("ftruncate", fd + ", " + byteSize, () -> target.ftruncate(fd, byteSize));
    }

    @Override
    public long lseek(int fd, long offset, int whence) {
        if (!enabled) {
            return target.lseek(fd, offset, whence);
        }
        String arguments = fd + ", " + offset + ", " + FlagNames.value("SEEK_", whence);
        return record("lseek", arguments, () -> target.lseek(fd, offset, whence));
    }

    @Override
    public long fstatfs(int fd, long statfsAddress) {
        if (!enabled) {
            return target.fstatfs(fd, statfsAddress);
        }
        return record("fstatfs", fd + ", " + hex(statfsAddress), () -> target.fstatfs(fd, statfsAddress));
    }

    @Override
    public long fallocate(int fd, int mode, long offset, long byteSize) {
        if (!enabled) {
            return target.fallocate(fd, mode, offset, byteSize);
        }
        String arguments = fd + ", " + FlagNames.bits("FALLOC_FL_", mode) + ", " + offset + ", " + byteSize;
        return record("fallocate", arguments, () -> target.fallocate(fd, mode, offset, byteSize));
    }

    @Override
    public long fcntl(int fd, int command, long argument) {
        if (!enabled) {
            return target.fcntl(fd, command, argument);
        }
        String argumentText = command == Linux.F_ADD_SEALS ? FlagNames.bits("F_SEAL_", argument) : "" + argument;
        String arguments = fd + ", " + FlagNames.value("F_", command) + ", " + argumentText;
        return record("fcntl", arguments, () -> target.fcntl(fd, command, argument));
    }

    @Override
    public long msync(long address, long byteSize, int flags) {
        if (!enabled) {
            return target.msync(address, byteSize, flags);
        }
        String arguments = range(address, byteSize) + ", " + FlagNames.bits("MS_", flags);
        return record("msync", arguments, () -> target.msync(address, byteSize, flags));
    }

    @Override
    public long mlock(long address, long byteSize) {
        if (!enabled) {
            return target.mlock(address, byteSize);
        }
        return record("mlock", range(address, byteSize), () -> target.mlock(address, byteSize));
    }

    @Override
    public long mlock2(long address, long byteSize, int flags) {
        if (!enabled) {
            return target.mlock2(address, byteSize, flags);
        }
        String arguments = range(address, byteSize) + ", " + FlagNames.bits("MLOCK_", flags);
        return record("mlock2", arguments, () -> target.mlock2(address, byteSize, flags));
    }

    @Override
    public long munlock(long address, long byteSize) {
        if (!enabled) {
            return target.munlock(address, byteSize);
        }
        return record("munlock", range(address, byteSize), () -> target.munlock(address, byteSize));
    }

    @Override
    public long mlockall(int flags) {
        if (!enabled) {
            return target.mlockall(flags);
        }
        return record("mlockall", FlagNames.bits("MCL_", flags), () -> target.mlockall(flags));
    }

    @Override
    public long munlockall() {
        if (!enabled) {
            return target.munlockall();
        }
        return record("munlockall", "", target::munlockall);
    }

    @Override
    public long memfdSecret(int flags) {
        if (!enabled) {
            return target.memfdSecret(flags);
        }
        String arguments = flags == 0 ? "0" : FlagNames.bits("O_", flags);
        return record("memfdSecret", arguments, () -> target.memfdSecret(flags));
    }

    @Override
    public long schedYield() {
        return enabled ? record("schedYield", "", target::schedYield) : target.schedYield();
    }

    @Override
    public long nanosleep(long requestAddress) {
        if (!enabled) {
            return target.nanosleep(requestAddress);
        }
        return record("nanosleep", hex(requestAddress), () -> target.nanosleep(requestAddress));
    }

    @Override
    public long perfEventOpen(long attributeAddress, int pid, int cpu, int groupFd, int flags) {
        if (!enabled) {
            return target.perfEventOpen(attributeAddress, pid, cpu, groupFd, flags);
        }
        return record(
                "perfEventOpen",
                hex(attributeAddress) + ", " + pid + ", " + cpu + ", " + groupFd + ", " + flags,
                () -> target.perfEventOpen(attributeAddress, pid, cpu, groupFd, flags));
    }

    @Override
    public long membarrier(int command, int flags) {
        if (!enabled) {
            return target.membarrier(command, flags);
        }
        return record(
                "membarrier", FlagNames.value("MEMBARRIER_CMD_", command), () -> target.membarrier(command, flags));
    }
}
