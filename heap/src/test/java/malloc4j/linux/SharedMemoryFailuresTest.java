package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.internal.memory.FaultingRanges;
import malloc4j.internal.os.Errno;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.os.RecordingCalls;
import malloc4j.internal.region.Ground;
import malloc4j.internal.region.MappingBudget;
import malloc4j.linux.SharedMemory.Access;
import malloc4j.linux.SharedMemory.Seal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Every system call of a life of shared memory is made to fail: once, and with all that follow. Each failure is
/// reported, and leaves no descriptor, no mapping and no name behind.
class SharedMemoryFailuresTest {
    private static final Pattern CLOSE = Pattern.compile("close\\((\\d+)\\)");
    private static final Pattern MUNMAP = Pattern.compile("munmap\\(0x([0-9a-f]+), (\\d+)\\)");

    private final String name = "/malloc4j-failures-" + ProcessHandle.current().pid();
    private final String other = name + "-other";
    private final List<Mapping> mappings = new ArrayList<>(); // that may have been refused to be unmapped

    @Test
    void withoutAFailureEveryKindOfCallIsMade() throws IOException {
        List<String> before = Footprint.files();
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        live(calls);
        assertThat(calls.transcript().stream().map(RecordingCalls.Call::name))
                .contains("open", "link", "unlink", "statx", "fchmod", "fcntl", "fallocate", "ftruncate", "memfdCreate")
                .contains("getdents64", "mmap", "munmap", "close");
        assertThat(Footprint.files()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(ints = {Errno.ENOMEM, Errno.EACCES, Errno.EINVAL, Errno.EAGAIN})
    void everyFailureIsReportedAndLeavesNothing(int errno) throws IOException {
        int calls = 0;
        int reported = 0;
        for (int nth = 1; ; nth++) {
            int result = failing(nth, true, errno);
            if (result < 0) {
                break;
            }
            calls++;
            reported += result + failing(nth, false, errno);
        }
        System.out.printf("shared memory, %s: %d calls, %d failures reported%n", Errno.name(errno), calls, reported);
        assertThat(calls).isGreaterThan(60);
        assertThat(reported).isGreaterThan(calls);
    }

    /// Returns whether the failure was reported, 0 or 1, or -1 when there is no n-th call.
    private int failing(int nth, boolean once, int errno) throws IOException {
        List<String> before = Footprint.files();
        RecordingCalls calls = new RecordingCalls(LinuxCalls.instance());
        if (once) {
            calls.failOnce(nth, errno);
        } else {
            calls.failFrom(nth, errno);
        }
        int reported = 0;
        try {
            live(calls);
        } catch (SystemCallException told) {
            reported = 1;
            assertThat(told.getMessage()).contains(" failed: " + Errno.name(told.errno()) + " (");
        } catch (IllegalStateException told) { // EINVAL is how the kernel says that a file has no seals
            reported = 1;
            assertThat(told).hasMessageEndingWith(" is not shared memory");
            assertThat(calls.transcript().getLast().text()).startsWith("close("); // after F_GET_SEALS
        } catch (RuntimeException | AssertionError wrong) {
            fail("call " + nth + ", " + firstInjected(calls) + ": " + wrong, wrong);
        }
        if (reported == 0 && errno == Errno.ENOMEM && calls.injectedCount() > 0) {
            assertThat(firstInjected(calls)).as("needs no report").matches("(close|munmap|fstatfs)\\(.*");
        }
        calls.stopFailing();
        mappings.forEach(Mapping::close);
        mappings.clear();
        performWhatWasNot(calls);
        SharedMemory.unlink(name);
        SharedMemory.unlink(other);
        assertThat(Footprint.files())
                .as("left behind after call %d, %s", nth, firstInjected(calls))
                .isEqualTo(before);
        return calls.injectedCount() == 0 ? -1 : reported;
    }

    private static String firstInjected(RecordingCalls calls) {
        return calls.transcript().stream()
                .filter(RecordingCalls.Call::injected)
                .findFirst()
                .map(RecordingCalls.Call::toString)
                .orElse("none");
    }

    /// A life with everything in it.
    private void live(RecordingCalls calls) {
        SharedMemoryDirectory directory = new SharedMemoryDirectory(calls, SharedMemoryDirectory.SYSTEM);
        SharedMemoryOptions options = SharedMemoryOptions.builder()
                .contents(segment -> segment.set(JAVA_LONG, 0, 1))
                .build();
        try (SharedMemory memory = directory.create(name, 10_000, options);
                SharedMemory peer = directory.open(name, Access.READ_ONLY);
                Mapping mapping = peer.map()) {
            mappings.add(mapping);
            assertThat(mapping.segment().get(JAVA_LONG, 0)).isEqualTo(1);
            memory.resize(20_000);
            memory.resize(4_096);
            memory.setMode(0640);
            memory.hold(0);
            memory.holder(1);
            peer.holder(0);
            peer.creatorPid();
            directory.list();
        }
        directory.removeStale(name);
        directory.openOrCreate(other, 100, SharedMemoryOptions.defaults()).close();
        directory.openOrCreate(other, 100, SharedMemoryOptions.defaults()).close();
        directory.unlink(other);
        try (SharedMemory memory = AnonymousMemory.create(calls, "failures", 10_000, options);
                SharedMemory peer = AnonymousMemory.openProcess(
                        calls, ProcessHandle.current().pid(), memory.fd(), Access.READ_WRITE);
                Mapping mapping = peer.map(Access.READ_WRITE, 4096, 100)) {
            mappings.add(mapping);
            mapping.segment().set(JAVA_LONG, 0, 1);
            peer.seal(Seal.SHRINK);
            memory.seals();
        }
    }

    /// What was made to fail was not performed: a real close(2), or munmap(2) of what nobody can close again, would
    /// have been.
    private static void performWhatWasNot(RecordingCalls calls) {
        for (RecordingCalls.Call call : calls.transcript()) {
            if (call.injected()) {
                Matcher close = CLOSE.matcher(call.text());
                Matcher munmap = MUNMAP.matcher(call.text());
                if (close.matches()) {
                    LinuxCalls.instance().close(Integer.parseInt(close.group(1)));
                } else if (munmap.matches()) {
                    unmap(Long.parseLong(munmap.group(1), 16), Long.parseLong(munmap.group(2)));
                }
            }
        }
    }

    private static void unmap(long address, long byteSize) {
        if (FaultingRanges.overlap(address, byteSize)) {
            FaultingRanges.remove(address, byteSize);
            Ground.process().mappings().release(MappingBudget.MAPPINGS_EACH);
            assertThat(LinuxCalls.instance().munmap(address, byteSize)).isZero();
        }
    }
}
