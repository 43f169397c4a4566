package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import malloc4j.linux.MemoryLock;
import malloc4j.linux.ProgramBreak;
import malloc4j.observe.AreaKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// A thread that is interrupted reads what any other reads, and stays interrupted.
class InterruptedReadingTest {
    @TempDir
    static java.nio.file.Path directory;

    static Stream<Thread.Builder> threads() {
        return Stream.of(Thread.ofPlatform(), Thread.ofVirtual());
    }

    private static <T> T interrupted(Thread.Builder builder, Supplier<T> reading) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread unused = builder.start(() -> {
            Thread.currentThread().interrupt();
            try {
                T read = reading.get();
                assertThat(Thread.currentThread().isInterrupted()).isTrue();
                result.complete(read);
            } catch (Throwable failure) {
                result.completeExceptionally(failure);
            }
        });
        return result.orTimeout(60, TimeUnit.SECONDS).join();
    }

    @ParameterizedTest
    @MethodSource("threads")
    void ownAreasAreToldToAnInterruptedThread(Thread.Builder thread) {
        AddressSpace space = interrupted(thread, AddressSpace::ofThisProcess);

        space.verify();
        assertThat(space.sums())
                .containsKeys(AreaKind.JAVA_HEAP, AreaKind.METASPACE, AreaKind.CODE_CACHE, AreaKind.LIBRARY_BSS);
        assertThat(lastingNotes(space)).isEqualTo(lastingNotes(AddressSpace.ofThisProcess()));
    }

    /// What does not depend on which threads happen to run.
    private static List<String> lastingNotes(AddressSpace space) {
        return space.notes().stream()
                .filter(note -> !note.contains("did not tell where"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("threads")
    void anotherProcessIsToldToAnInterruptedThread(Thread.Builder thread) throws Exception {
        try (IdleProcess process = IdleProcess.java(IdleProcess.thisJdk(), directory)) {
            AddressSpace space = interrupted(thread, () -> AddressSpace.of(process.pid()));

            assertThat(space.sums()).containsKeys(AreaKind.JAVA_HEAP, AreaKind.METASPACE, AreaKind.LIBRARY_BSS);
            assertThat(space.sums(AreaKind.STACK)).containsKey("other-thread");
        }
    }

    @Test
    void limitsAreToldToAnInterruptedThread() {
        MemoryLimits limits = interrupted(Thread.ofPlatform(), MemoryLimits::read);

        assertThat(limits.mappings().used().get()).isPositive();
        assertThat(limits.addressSpace().usedBytes().get()).isPositive();
        assertThat(limits.controlGroup().isKnown())
                .isEqualTo(MemoryLimits.read().controlGroup().isKnown());
    }

    @Test
    void locksAndTheBreakAreToldToAnInterruptedThread() {
        assertThat(interrupted(Thread.ofPlatform(), MemoryLock::limits).softBytes())
                .isEqualTo(MemoryLock.limits().softBytes());
        assertThat(interrupted(Thread.ofPlatform(), ProgramBreak::layout).current())
                .isPositive();
    }
}
