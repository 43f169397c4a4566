package malloc4j.cli.learn;

import java.util.List;
import malloc4j.cli.child.ChildProcess.Purpose;
import malloc4j.cli.learn.Lesson.Source;
import malloc4j.cli.learn.Lesson.Try;
import malloc4j.cli.learn.Stage.Strip;
import malloc4j.linux.Mapping;
import malloc4j.linux.MemoryAdvice;
import malloc4j.linux.MemoryLock;
import malloc4j.linux.SystemCallException;
import malloc4j.process.MemoryLimits;
import org.jspecify.annotations.Nullable;

/// Memory that the kernel must leave in memory.
final class LockScene implements Scene {
    private static final long BYTES = 1 << 20;
    private static final long LIMIT_BYTES = 64 << 10;
    private static final int CAP_IPC_LOCK = 14; // linux/capability.h

    @Override
    public Lesson lesson() {
        return new Lesson(
                "lock",
                "Locked memory stays in memory",
                "mlock: what becomes resident, what may be swapped out, and how much one may lock",
                "Under pressure the kernel takes pages away from whoever has not used them for long: of files it"
                        + " drops them, anonymous ones it writes to swap, where there is any. A program that must"
                        + " not wait for a disk, or holds a key that must never reach one, locks its pages. That"
                        + " takes memory from everybody else, so how much a user may lock is limited, and root, or"
                        + " who has the capability, is not.",
                List.of(
                        Source.manual("mlock", 2),
                        Source.manual("mincore", 2),
                        Source.manual("getrlimit", 2),
                        Source.manual("capabilities", 7)),
                List.of(
                        new Try("ulimit -l", "how much a program started from here may lock, in KiB"),
                        new Try(
                                "grep -E 'VmLck|VmSwap' /proc/self/status",
                                "what a process has locked, and swapped out"),
                        new Try("cat /proc/swaps", "whether there is swap at all")));
    }

    @Override
    public Purpose purpose() {
        return Purpose.ADDRESSES;
    }

    @Override
    public void play(Stage stage) {
        try (Mapping memory =
                Mapping.anonymous(BYTES).transparentHugePages(false).map()) {
            long before = Self.status("VmLck");
            stage.step("1 MiB is mapped, and nothing is written.")
                    .bytes("in memory (mincore)", memory.residentBytes())
                    .bytes("locked by the process (VmLck)", before)
                    .strip(strip(memory, "addresses", StripKind.RESERVED))
                    .claim("What is not touched is not in memory.", memory.residentBytes() == 0);
            playLocked(stage, memory, before);
        }
        playSwap(stage);
        playLimit(stage);
    }

    private static Strip strip(Mapping memory, String label, StripKind kind) {
        return new Strip().add(memory.address(), memory.address() + memory.byteSize(), label, kind);
    }

    private static void playLocked(Stage stage, Mapping memory, long before) {
        String said = "mlock makes every page resident at once, touched or not.";
        String text = "It is locked by mlock.";
        try (MemoryLock lock = MemoryLock.lock(memory.segment())) {
            long locked = Self.status("VmLck") - before;
            stage.step(text)
                    .bytes("in memory (mincore)", memory.residentBytes())
                    .bytes("locked more (VmLck)", locked)
                    .strip(strip(memory, "in memory, locked", StripKind.LIVE))
                    .claim(said, memory.residentBytes() == BYTES && locked == lock.byteSize());
            String refusal = refusal(memory);
            stage.step("The kernel is asked to take the locked pages out of memory (madvise, MADV_PAGEOUT).")
                    .bytes("in memory", memory.residentBytes())
                    .claim(
                            "Locked pages are not taken away, not even on request: EINVAL.",
                            refusal.equals("EINVAL") && memory.residentBytes() == BYTES);
        } catch (SystemCallException refused) {
            stage.step(text).open(said, refused.errnoName() + ", " + MemoryLock.limits());
        }
        long after = Self.status("VmLck") - before;
        stage.step("It is unlocked.")
                .bytes("in memory", memory.residentBytes())
                .bytes("locked more (VmLck)", after)
                .strip(strip(
                        memory, memory.residentBytes() == BYTES ? "in memory" : "partly in memory", StripKind.FREE))
                .claim("munlock takes nothing away: pages stay until they are wanted elsewhere.", after == 0);
    }

    private static String refusal(Mapping memory) {
        try {
            memory.advise(MemoryAdvice.PAGEOUT);
            return "";
        } catch (SystemCallException refused) {
            return refused.errnoName();
        }
    }

    private static void playSwap(Stage stage) {
        long swap = MemoryLimits.read().machine().swapFreeBytes().orElse(0L);
        try (Mapping memory =
                Mapping.anonymous(BYTES).transparentHugePages(false).map()) {
            memory.segment().fill((byte) 1);
            String refusal = refusal(memory);
            @Nullable
            String obstacle = swap < 2 * BYTES
                    ? "there is no swap, or none free: anonymous memory has nowhere to go, locked or not"
                    : refusal.isEmpty() ? null : "MADV_PAGEOUT: " + refusal;
            stage.step("1 MiB that is written to and not locked is asked out of memory (MADV_PAGEOUT).")
                    .bytes("free swap of this machine", swap)
                    .bytes("in memory of it", memory.residentBytes())
                    .claimUnless(
                            obstacle,
                            "What is not locked may be swapped out.",
                            () -> memory.residentBytes() < BYTES / 2);
        }
    }

    /// As who may not lock what he likes: this thread gives up the capability, and takes it back.
    private static void playLimit(Stage stage) {
        boolean wasPrivileged = CLibrary.setEffective(CAP_IPC_LOCK, false);
        String refusal = "";
        long limit = 0;
        try {
            long before = CLibrary.setSoftLimit(CLibrary.RLIMIT_MEMLOCK, LIMIT_BYTES);
            limit = MemoryLock.limits().softBytes();
            try (Mapping memory = Mapping.anonymous(BYTES).map();
                    MemoryLock lock = MemoryLock.lock(memory.segment())) {
                refusal = "none: " + lock.byteSize() + " bytes were locked";
            } catch (SystemCallException refused) {
                refusal = refused.errnoName();
            } finally {
                CLibrary.setSoftLimit(CLibrary.RLIMIT_MEMLOCK, before);
            }
        } finally {
            if (wasPrivileged) {
                CLibrary.setEffective(CAP_IPC_LOCK, true);
            }
        }
        boolean isRefused = refusal.equals("ENOMEM") || refusal.equals("EPERM");
        stage.step("The limit (RLIMIT_MEMLOCK) is set to 64 KiB or less, the right to ignore it (CAP_IPC_LOCK)"
                        + " is given up, and 1 MiB is to be locked.")
                .bytes("limit", limit)
                .claim("Who has no privilege may lock as much as RLIMIT_MEMLOCK says, and no more.", isRefused);
    }
}
