package malloc4j.internal.os;

import static malloc4j.internal.os.Linux.MAP_ANONYMOUS;
import static malloc4j.internal.os.Linux.MAP_HUGETLB;
import static malloc4j.internal.os.Linux.MAP_HUGE_2MB;
import static malloc4j.internal.os.Linux.MAP_PRIVATE;
import static malloc4j.internal.os.Linux.PROT_NONE;
import static malloc4j.internal.os.Linux.PROT_READ;
import static malloc4j.internal.os.Linux.PROT_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/// The kernel behind it is a stub that answers every call with 42 and remembers what reached it.
class RecordingCallsTest {
    private final List<String> performed = new ArrayList<>();
    private final RecordingCalls calls = new RecordingCalls(stub(performed));

    private static SystemCalls stub(List<String> performed) {
        return (SystemCalls) Proxy.newProxyInstance(
                SystemCalls.class.getClassLoader(), new Class<?>[] {SystemCalls.class}, (proxy, method, arguments) -> {
                    performed.add(method.getName() + (arguments == null ? "[]" : Arrays.toString(arguments)));
                    return 42L;
                });
    }

    @Test
    void writesCallsAsTheCSourceWould() {
        calls.mmap(0, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        calls.mmap(0x7f00_0000_0000L, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_HUGETLB | MAP_HUGE_2MB, -1, 0);
        calls.mremap(0x1000, 4096, 8192, Linux.MREMAP_MAYMOVE, 0);
        calls.madvise(0x1000, 4096, Linux.MADV_DONTNEED);
        calls.madvise(0x1000, 4096, 77);
        calls.sysconf(Linux._SC_PAGESIZE);
        calls.prlimit(0, Linux.RLIMIT_AS, 0, 0x2000);
        calls.open("/tmp/x", Linux.O_RDWR | Linux.O_CREAT | Linux.O_CLOEXEC, 0600);
        calls.open("/tmp/x", Linux.O_RDONLY, 0);
        calls.memfdCreate("heap", Linux.MFD_CLOEXEC);
        calls.fcntl(3, Linux.F_ADD_SEALS, Linux.F_SEAL_GROW | Linux.F_SEAL_SHRINK);
        calls.fallocate(3, Linux.FALLOC_FL_PUNCH_HOLE | Linux.FALLOC_FL_KEEP_SIZE, 0, 4096);
        calls.munlockall();
        assertThat(calls.calls())
                .containsExactly(
                        "mmap(0x0, 65536, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)",
                        "mmap(0x7f0000000000, 2097152, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_HUGETLB|MAP_HUGE_2MB, -1, 0)",
                        "mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE, 0x0)",
                        "madvise(0x1000, 4096, MADV_DONTNEED)",
                        "madvise(0x1000, 4096, 77)",
                        "sysconf(_SC_PAGESIZE)",
                        "prlimit(0, RLIMIT_AS, 0x0, 0x2000)",
                        "open(\"/tmp/x\", O_RDWR|O_CREAT|O_CLOEXEC, 0600)",
                        "open(\"/tmp/x\", O_RDONLY, 00)",
                        "memfdCreate(\"heap\", MFD_CLOEXEC)",
                        "fcntl(3, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW)",
                        "fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096)",
                        "munlockall()");
    }

    @Test
    void everyMethodPassesItsArgumentsOnAndIsRecorded() throws Exception {
        for (boolean enabled : new boolean[] {true, false}) {
            calls.setEnabled(enabled);
            for (Method method : SystemCalls.class.getMethods()) {
                performed.clear();
                calls.clear();
                Object[] arguments = arguments(method);
                assertThat(method.invoke(calls, arguments)).isEqualTo(42L);
                assertThat(performed).containsExactly(method.getName() + Arrays.toString(arguments));
                assertThat(calls.count(method.getName())).isEqualTo(enabled ? 1 : 0);
            }
        }
    }

    @Test
    void everyMethodCanBeMadeToFail() throws Exception {
        for (Method method : SystemCalls.class.getMethods()) {
            calls.failOnce(method.getName(), 1, Errno.ENOMEM);
            assertThat(method.invoke(calls, arguments(method))).isEqualTo(-12L);
        }
        assertThat(performed).isEmpty();
    }

    /// One different value for each parameter.
    private static Object[] arguments(Method method) {
        Class<?>[] types = method.getParameterTypes();
        Object[] arguments = new Object[types.length];
        for (int index = 0; index < types.length; index++) {
            arguments[index] = types[index] == String.class
                    ? "name"
                    : types[index] == int.class ? (Object) (index + 1) : (Object) (index + 1L);
        }
        return arguments;
    }

    @Test
    void failsTheNthCallOfAllOnceWithoutPerformingIt() {
        calls.failOnce(2, Errno.ENOMEM);
        assertThat(calls.munmap(0x1000, 1)).isEqualTo(42);
        assertThat(calls.close(3)).isEqualTo(-Errno.ENOMEM);
        assertThat(calls.close(3)).isEqualTo(42);
        assertThat(performed).containsExactly("munmap[4096, 1]", "close[3]");
        assertThat(calls.transcript())
                .hasToString("[munmap(0x1000, 1) = 42, close(3) = ENOMEM (injected), close(3) = 42]");
        assertThat(calls.count()).isEqualTo(3);
        assertThat(calls.injectedCount()).isEqualTo(1);
    }

    @Test
    void failsFromTheNthCallOfANameOn() {
        calls.failFrom("close", 2, Errno.EBADF);
        assertThat(calls.close(1)).isEqualTo(42);
        assertThat(calls.munmap(0, 1)).isEqualTo(42);
        assertThat(calls.close(2)).isEqualTo(-Errno.EBADF);
        assertThat(calls.close(3)).isEqualTo(-Errno.EBADF);
        assertThat(calls.munmap(0, 1)).isEqualTo(42);
        assertThat(calls.count("close")).isEqualTo(3);
        assertThat(calls.calls("close")).containsExactly("close(1)", "close(2)", "close(3)");
    }

    @Test
    void aNameIsNotTakenForAnotherThatBeginsWithIt() {
        calls.failFrom("mlock", 1, Errno.ENOMEM);
        assertThat(calls.mlock2(0, 1, 0)).isEqualTo(42);
        assertThat(calls.mlockall(1)).isEqualTo(42);
        assertThat(calls.mlock(0, 1)).isEqualTo(-Errno.ENOMEM);
    }

    @Test
    void failsCallsWhoseTextMatches() {
        calls.failFrom(text -> text.contains("PROT_READ|PROT_WRITE"), 1, Errno.ENOMEM);
        assertThat(calls.mprotect(0, 4096, PROT_NONE)).isEqualTo(42);
        assertThat(calls.mprotect(0, 4096, PROT_READ | PROT_WRITE)).isEqualTo(-Errno.ENOMEM);
    }

    @Test
    void countingStartsWhenAFailureIsArmed() {
        calls.close(1);
        calls.failOnce("close", 1, Errno.EINTR);
        assertThat(calls.close(2)).isEqualTo(-Errno.EINTR);
    }

    @Test
    void severalFailuresCountEachForItself() {
        calls.failOnce(1, Errno.EINTR);
        calls.failOnce(3, Errno.EAGAIN);
        assertThat(List.of(calls.close(1), calls.close(2), calls.close(3))).containsExactly(-4L, 42L, -11L);
    }

    @Test
    void disarmedAndDisabledItPassesEverythingThrough() {
        calls.failFrom(1, Errno.ENOMEM);
        calls.setEnabled(false);
        assertThat(calls.close(1)).isEqualTo(42);
        assertThat(calls.count()).isZero();
        calls.setEnabled(true);
        calls.stopFailing();
        assertThat(calls.close(2)).isEqualTo(42);
        assertThat(calls.calls()).containsExactly("close(2)");
    }

    @Test
    void theNameOfACallDecidesWhatItFailsWith() {
        calls.failFrom(2, name -> name.equals("close") ? Errno.EINTR : Errno.EAGAIN);
        assertThat(calls.close(2)).isEqualTo(42);
        assertThat(calls.close(2)).isEqualTo(-Errno.EINTR);
        assertThat(calls.munmap(0, 4096)).isEqualTo(-Errno.EAGAIN);
    }

    @Test
    void refusesFailuresThatCouldNeverHappen() {
        assertThatThrownBy(() -> calls.failOnce("mmmap", 1, Errno.ENOMEM)).hasMessage("no such call: mmmap");
        assertThatThrownBy(() -> calls.failOnce(0, Errno.ENOMEM)).hasMessage("calls are counted from 1: 0");
        calls.failOnce(1, -12);
        assertThatThrownBy(() -> calls.close(2)).hasMessage("not an errno: -12");
    }

    @Test
    void countsCallsOfSeveralThreads() throws Exception {
        List<Thread> threads = new ArrayList<>();
        RecordingCalls shared = new RecordingCalls(LinuxCalls.instance());
        shared.failOnce(5000, Errno.ENOMEM);
        for (int number = 0; number < 4; number++) {
            threads.add(Thread.startVirtualThread(() -> {
                for (int round = 0; round < 2500; round++) {
                    shared.sysconf(Linux._SC_PAGESIZE);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(shared.count()).isEqualTo(10_000);
        assertThat(shared.injectedCount()).isEqualTo(1);
    }
}
