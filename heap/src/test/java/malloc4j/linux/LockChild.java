package malloc4j.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import malloc4j.faults.Limits;
import malloc4j.faults.Maps;
import malloc4j.internal.memory.Sizes;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;

/// What [MemoryLockTest] and [SecretMemoryTest] run in processes of their own: with less rights, or with all memory
/// locked.
public final class LockChild {
    private static final long KIB = 1L << 10;
    private static final long LIMIT = 256 * KIB;

    private LockChild() {}

    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "limit" -> beyondTheLimit();
            case "no limit at all" -> nothingMayBeLocked();
            case "secrets" -> secretsBeyondTheLimit();
            case "all" -> everythingIsLocked();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        System.out.println("done");
    }

    private static void beyondTheLimit() {
        Limits.setSoft(Linux.RLIMIT_MEMLOCK, LIMIT);
        MemoryLock.Limits limits = MemoryLock.limits();
        check(!limits.privileged(), "without CAP_IPC_LOCK: " + limits);
        check(limits.softBytes() == LIMIT && limits.lockedBytes() == 0, limits.toString());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(2 * LIMIT, 64 * KIB);
            SystemCallException refused = refused(() -> MemoryLock.lock(memory));
            check(refused.errnoName().equals("ENOMEM"), refused.toString());
            mentions(
                    refused,
                    "mlock(address=0x",
                    "byteSize=" + 2 * LIMIT,
                    "RLIMIT_MEMLOCK is " + Sizes.exact(LIMIT) + " (hard: ");
            mentions(refused, "0 bytes are locked", "CAP_IPC_LOCK is not held", "ulimit -l");
            mentions(refused(() -> MemoryLock.lockOnFault(memory)), "mlock2(", "MLOCK_ONFAULT", "RLIMIT_MEMLOCK");
            check(MemoryLock.limits().lockedBytes() == 0, "nothing is locked");
            try (MemoryLock half = MemoryLock.lock(memory.asSlice(0, LIMIT))) {
                check(MemoryLock.limits().roomBytes() == 0, "the limit is used up by " + half);
                mentions(
                        refused(() -> MemoryLock.lock(memory.asSlice(LIMIT, 4 * KIB))),
                        Sizes.exact(LIMIT) + " are locked");
                MemoryLock.lock(memory.asSlice(0, 4 * KIB)).close(); // locked already: costs nothing
                check(MemoryLock.limits().lockedBytes() == LIMIT, "what another handle holds stays locked");
            }
            check(MemoryLock.limits().lockedBytes() == 0, "nothing is locked");
            mentions(refused(() -> MemoryLock.lockAll(MemoryLock.LockAll.CURRENT)), "mlockall(MCL_CURRENT)", "ENOMEM");
            IllegalStateException future = failure(
                    IllegalStateException.class,
                    () -> MemoryLock.lockAll(MemoryLock.LockAll.FUTURE, MemoryLock.LockAll.ON_FAULT));
            check(future.toString().contains("mlockall(MCL_FUTURE|MCL_ONFAULT) is not called"), future.toString());
            check(MemoryLock.verify() == 0, "no handle is left");
        }
    }

    private static void nothingMayBeLocked() {
        Limits.setSoft(Linux.RLIMIT_MEMLOCK, 0);
        try (Arena arena = Arena.ofConfined()) {
            SystemCallException refused = refused(() -> MemoryLock.lock(arena.allocate(1)));
            check(refused.errnoName().equals("EPERM"), refused.toString());
            mentions(refused, "RLIMIT_MEMLOCK is 0 bytes", "ulimit -l");
        }
    }

    private static void secretsBeyondTheLimit() {
        Limits.setSoft(Linux.RLIMIT_MEMLOCK, LIMIT);
        List<Maps.Mapping> before = secretMappings();
        try (SecretMemory small = SecretMemory.allocate(LIMIT / 4, Safeguard.LOCKED)) {
            check(small.safeguards().has(Safeguard.LOCKED), small.safeguards().toString());
        }
        byte[] source = new byte[(int) (2 * LIMIT)];
        source[0] = 1;
        SystemCallException refused = refused(() -> SecretMemory.fromBytes(source, Safeguard.LOCKED));
        mentions(refused, "mlock(", "ENOMEM", "RLIMIT_MEMLOCK is " + LIMIT + " bytes");
        check(source[0] == 1, "the source is as it was");
        check(secretMappings().equals(before), "no mapping is left");
        try (SecretMemory large = SecretMemory.fromBytes(source)) {
            check(source[0] == 0, "the source is wiped");
            for (Safeguard safeguard : List.of(Safeguard.LOCKED, Safeguard.HIDDEN)) {
                Safeguards.Grant grant = large.safeguards().get(safeguard);
                check(!grant.granted() && grant.toString().contains(" refused: "), grant.toString());
            }
            for (Safeguard safeguard : List.of(Safeguard.GUARD_PAGES, Safeguard.NOT_DUMPED, Safeguard.NOT_FORKED)) {
                check(large.safeguards().has(safeguard), large.safeguards().toString());
            }
            check(large.safeguards().refused().size() == 2, large.safeguards().toString());
            large.verify();
        }
        check(secretMappings().equals(before), "no mapping is left");
    }

    private static List<Maps.Mapping> secretMappings() {
        return Maps.all().stream()
                .filter(mapping ->
                        mapping.name().contains("secretmem") || mapping.name().contains("malloc4j"))
                .toList();
    }

    private static void everythingIsLocked() {
        LinuxCalls os = LinuxCalls.instance();
        long page = os.sysconf(Linux._SC_PAGESIZE);
        Limits.setSoft(Linux.RLIMIT_MEMLOCK, Linux.RLIM_INFINITY);
        MemoryLock.Limits limits = MemoryLock.limits();
        if (limits.roomBytes() != Long.MAX_VALUE) {
            System.out.println("skipped: " + limits);
            return;
        }
        long base = os.mmap(
                0, 4 * page, Linux.PROT_READ | Linux.PROT_WRITE, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS, -1, 0);
        MemoryLock kept = MemoryLock.lock(base, page);
        MemoryLock onFault = MemoryLock.lockOnFault(base + page, page);
        MemoryLock.lockAll(MemoryLock.LockAll.CURRENT, MemoryLock.LockAll.FUTURE, MemoryLock.LockAll.ON_FAULT);
        check(isLocked(base + 3 * page), "all is locked");
        long later = os.mmap(0, page, Linux.PROT_READ, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS, -1, 0);
        check(isLocked(later), "what is mapped later is locked");
        MemoryLock.lock(base + 2 * page, page).close();
        check(isLocked(base + 2 * page), "a handle that is closed unlocks nothing while all is locked");
        RecordingCalls withoutSecretFiles = new RecordingCalls(os);
        withoutSecretFiles.failOnce("memfdSecret", 1, Errno.ENOSYS);
        SecretMemory secret = SecretMemory.fromBytes(withoutSecretFiles, new byte[] {1, 2, 3}, Safeguard.LOCKED);
        secret.verify();
        List<Thread> threads = new ArrayList<>();
        for (int count = 0; count < 10; count++) {
            threads.add(Thread.ofPlatform().start(() -> new ArrayList<>(List.of(new byte[100_000]))));
        }
        threads.forEach(LockChild::join);

        MemoryLock.unlockAll();
        check(isLocked(base) && isLocked(base + page), "what handles hold is locked");
        check(MemoryLock.limits().lockedBytes() == 3 * page, "a secret is, although its page has no rights");
        secret.close();
        check(!isLocked(base + 2 * page) && !isLocked(later), "all else is not");
        check(MemoryLock.limits().lockedBytes() == 2 * page, MemoryLock.limits().toString());
        kept.close();
        onFault.close();
        check(MemoryLock.limits().lockedBytes() == 0, MemoryLock.limits().toString());

        MemoryLock gone = MemoryLock.lock(base, page);
        MemoryLock stays = MemoryLock.lock(base + 3 * page, page);
        check(os.munmap(base, page) == 0, "munmap");
        mentions(refused(MemoryLock::unlockAll), "mlock(address=0x" + Long.toHexString(base) + ",", "not mapped");
        check(isLocked(base + 3 * page), "the others are locked again all the same");
        stays.close();
        mentions(refused(gone::close), "munlock(");
        check(MemoryLock.verify() == 0, "no handle is left");
    }

    private static boolean isLocked(long address) {
        return Maps.flags(address).contains("lo");
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private static SystemCallException refused(Runnable action) {
        return failure(SystemCallException.class, action);
    }

    private static <T extends Throwable> T failure(Class<T> type, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException thrown) {
            if (type.isInstance(thrown)) {
                return type.cast(thrown);
            }
            throw thrown;
        }
        throw new AssertionError("nothing was refused");
    }

    private static void mentions(SystemCallException refused, String... parts) {
        for (String part : parts) {
            check(refused.toString().contains(part), part + " in: " + refused);
        }
    }

    private static void check(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError("not so: " + message);
        }
    }
}
