package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import malloc4j.faults.ChildJvm;
import malloc4j.faults.Maps;
import malloc4j.internal.os.Linux;
import malloc4j.internal.os.LinuxCalls;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.process.MemoryLimits.ControlGroup;
import malloc4j.process.MemoryLimits.HugePagePool;
import malloc4j.process.MemoryLimits.Level;
import malloc4j.process.MemoryLimits.OvercommitMode;
import malloc4j.process.MemoryLimits.Room;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Limits as kernels of several ages and their control groups write them, and those of this machine.
class MemoryLimitsTest {
    private static final long GIB = 1L << 30;

    @TempDir
    Path root;

    @Test
    void ofThisMachine() {
        MemoryLimits limits = MemoryLimits.read();

        assertThat(limits.pageBytes().get()).isEqualTo(LinuxCalls.instance().sysconf(Linux._SC_PAGESIZE));
        assertThat(limits.mappings().used().get())
                .isBetween(Maps.all().size() - 20L, Maps.all().size() + 20L);
        assertThat(limits.mappings().max().get()).isGreaterThan(1_000);
        assertThat(limits.mappings().ours().get())
                .isBetween(0L, limits.mappings().used().get());
        assertThat(limits.mappings().oursMax())
                .isEqualTo((int) (limits.mappings().max().get() / 4));
        assertThat(limits.addressSpace().usedBytes().get()).isCloseTo(Maps.statusBytes("VmSize"), within(GIB));
        assertThat(limits.stack().softBytes().get()).isPositive();
        assertThat(limits.machine().totalBytes().get())
                .isEqualTo(limits.pageBytes().get() * LinuxCalls.instance().sysconf(Linux._SC_PHYS_PAGES));
        assertThat(limits.machine().availableBytes().get())
                .isLessThanOrEqualTo(limits.machine().totalBytes().get());
        assertThat(limits.overcommit().mode().isKnown()).isTrue();
        assertThat(limits.rooms()).isNotEmpty().isSortedAccordingTo((a, b) -> Long.compare(a.bytes(), b.bytes()));
    }

    private static Offset<Long> within(long bytes) {
        return Offset.offset(bytes);
    }

    @Test
    void limitsOfTheProcessAreThoseThatTheKernelKeeps() throws Exception {
        String bounded = "ulimit -v 16000000; ulimit -d 8000000; ulimit -S -l 48; exec \"$0\" \"$@\""; // KiB
        String said = ChildJvm.small().startedBy("bash", "-c", bounded).run(LimitsPrinter.class);

        assertThat(said)
                .containsPattern("address space ResourceLimit.softBytes=15.3 GiB, .*usedBytes=[\\d.]+ GiB")
                .containsPattern("data ResourceLimit.softBytes=7.6 GiB, .*usedBytes=[\\d.]+ MiB")
                .containsPattern("locked memory ResourceLimit.softBytes=48 KiB, .*usedBytes=0 B")
                .contains("next RLIMIT_DATA\n");
    }

    @Test
    void theGroupOfThisProcessIsTheOneThatTheKernelTells() throws IOException {
        ControlGroup group = groupOfThisProcess();

        String controllers = group.version() == 1 ? "([^:]*,)?memory(,[^:]*)?" : "";
        assertThat(Files.readAllLines(Path.of("/proc/self/cgroup")))
                .anyMatch(line -> line.matches("\\d+:" + controllers + ":" + Pattern.quote(group.path())));
        Level own = group.levels().getFirst();
        assertThat(group.path()).endsWith(own.path());
        assertThat(group.levels().getLast().path()).as("up to the mount").isEqualTo("/");
        if (group.version() == 1 || !own.path().equals("/")) { // the root of version 2 counts nothing
            assertThat(own.usedBytes().get()).isPositive();
        }
    }

    private static ControlGroup groupOfThisProcess() {
        Reading<ControlGroup> here = MemoryLimits.read().controlGroup();
        assumeTrue(here.isKnown(), here.whyNot());
        return here.get();
    }

    /// The kernel's own control group, where this test may make one; groups of each version are also written down
    /// below.
    @Test
    void aGroupWithALimitOnThisMachineIsFound() throws Exception {
        ControlGroup here = groupOfThisProcess();
        boolean isFirst = here.version() == 1;
        Path own = Path.of("/sys/fs/cgroup" + (isFirst ? "/memory" : "")
                + here.levels().getFirst().path());
        Path group = own.resolve("malloc4j-test-" + ProcessHandle.current().pid());
        try {
            Files.createDirectory(group);
        } catch (IOException refused) {
            abort("this test may not make a control group: " + refused);
        }
        try {
            Path limit = group.resolve(isFirst ? "memory.limit_in_bytes" : "memory.max");
            assumeTrue(Files.exists(limit), "groups below this one have no memory controller");
            Files.writeString(limit, Long.toString(GIB));
            String join = "echo $$ > " + group.resolve("cgroup.procs") + "; exec \"$0\" \"$@\"";

            String said = ChildJvm.small().startedBy("bash", "-c", join).run(LimitsPrinter.class);

            assertThat(said).contains(group.getFileName() + " " + GIB + "\n").contains("limit of the control group");
        } finally {
            remove(group);
        }
    }

    private static void remove(Path group) throws Exception {
        for (int attempt = 0; attempt < 100; attempt++) {
            try {
                Files.delete(group);
                return;
            } catch (IOException busy) { // the child that ended is still counted for a moment
                Thread.sleep(20);
            }
        }
        Files.delete(group);
    }

    @Test
    void groupsOfVersion2AreNestedAndTheTightestCounts() throws IOException {
        write("proc/self/cgroup", "0::/user.slice/user-1000.slice/app.scope\n");
        write(
                "proc/self/mountinfo",
                "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        String scope = "sys/fs/cgroup/user.slice/user-1000.slice/app.scope";
        write(scope + "/memory.max", "max\n");
        write(scope + "/memory.high", "3221225472\n");
        write(scope + "/memory.current", "1073741824\n");
        write(scope + "/memory.swap.max", "0\n");
        write(scope + "/memory.swap.current", "0\n");
        write(scope + "/memory.pressure", """
                some avg10=1.50 avg60=12.25 avg300=0.05 total=123456
                full avg10=0.00 avg60=2.00 avg300=0.00 total=1234
                """);
        write("sys/fs/cgroup/user.slice/user-1000.slice/memory.max", "4294967296\n");
        write("sys/fs/cgroup/user.slice/user-1000.slice/memory.current", "3758096384\n");
        write("sys/fs/cgroup/user.slice/memory.max", "8589934592\n");
        write("sys/fs/cgroup/user.slice/memory.current", "8321499136\n");

        MemoryLimits limits = read();
        ControlGroup group = limits.controlGroup().get();

        assertThat(group.version()).isEqualTo(2);
        assertThat(group.path()).isEqualTo("/user.slice/user-1000.slice/app.scope");
        assertThat(group.levels())
                .extracting(Level::path)
                .containsExactly(
                        "/user.slice/user-1000.slice/app.scope", "/user.slice/user-1000.slice", "/user.slice", "/");
        assertThat(group.limitBytes()).isEqualTo(4 * GIB);
        assertThat(group.tightest().orElseThrow().path()).isEqualTo("/user.slice/user-1000.slice");
        assertThat(group.leftBytes()).as("a group above has less left").isEqualTo(GIB / 4);
        assertThat(group.levels().getFirst().highBytes().get()).isEqualTo(3 * GIB);
        assertThat(group.levels().getFirst().swapLimitBytes().get()).isZero();
        assertThat(group.levels().getLast().limitBytes().whyNot()).isEqualTo("this group has no memory.max");
        assertThat(limits.controlGroupPressure().get().some().percentOf60Seconds())
                .isEqualTo(12.25);
        assertThat(limits.controlGroupPressure().get().full().totalMicros()).isEqualTo(1234);
        assertThat(limits.rooms()).containsExactly(new Room("the limit of the control group", GIB / 4));
    }

    @Test
    void groupsOfVersion1AreToldByTheMemoryHierarchy() throws IOException {
        write("proc/self/cgroup", """
                11:cpu,cpuacct:/docker/6f2a
                4:memory:/docker/6f2a/app
                1:name=systemd:/docker/6f2a
                0::/
                """);
        write("proc/self/mountinfo", """
                30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
                31 23 0:27 /docker/6f2a /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct
                35 31 0:32 /docker/6f2a /sys/fs/cgroup/my\\040memory ro,nosuid master:9 - cgroup cgroup rw,memory
                """);
        String mount = "sys/fs/cgroup/my memory";
        write(mount + "/app/memory.limit_in_bytes", "9223372036854771712\n");
        write(mount + "/app/memory.usage_in_bytes", "104857600\n");
        write(mount + "/memory.limit_in_bytes", "536870912\n");
        write(mount + "/memory.usage_in_bytes", "268435456\n");
        write(mount + "/memory.memsw.limit_in_bytes", "1073741824\n");
        write(mount + "/memory.use_hierarchy", "1\n");

        MemoryLimits limits = read();
        ControlGroup group = limits.controlGroup().get();

        assertThat(group.version()).isEqualTo(1);
        assertThat(group.levels()).extracting(Level::path).containsExactly("/app", "/");
        assertThat(group.limitBytes()).isEqualTo(GIB / 2);
        assertThat(group.leftBytes()).isEqualTo(GIB / 4);
        assertThat(group.levels().getLast().swapLimitBytes().get()).isEqualTo(GIB);
        assertThat(limits.controlGroupPressure().whyNot()).isEqualTo("control groups of version 1 do not tell it");

        write(mount + "/memory.use_hierarchy", "0\n");
        assertThat(read().controlGroup().get().limitBytes())
                .as("groups above that do not count it")
                .isEqualTo(MemoryLimits.UNLIMITED);
    }

    /// Mounts of the same hierarchy, of which some cannot be seen or are of other groups.
    @Test
    void theMountThatHasTheGroupIsTakenWhereverItStands() throws IOException {
        write("proc/self/cgroup", "0::/kubepods/pod1/app\n");
        write("proc/self/mountinfo", """
                28 23 0:26 / /not/here rw - cgroup2 cgroup rw
                29 23 0:26 /kubepods/pod2 /run/other rw - cgroup2 cgroup rw
                30 23 0:26 /kubepods/pod1 /run/pod rw - cgroup2 cgroup rw
                31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw
                32 23 0:26 /kubepods/pod /run/prefix rw - cgroup2 cgroup rw
                """);
        write("run/other/memory.max", "4096\n");
        write("run/pod/app/memory.max", "1048576\n");
        write("run/prefix/1/app/memory.max", "4096\n");
        assertThat(read().controlGroup().get().levels()).extracting(Level::path).containsExactly("/app", "/");

        write("sys/fs/cgroup/kubepods/pod1/app/memory.max", "1048576\n");
        assertThat(read().controlGroup().get().levels())
                .as("the mount that shows most groups above it")
                .extracting(Level::path)
                .containsExactly("/kubepods/pod1/app", "/kubepods/pod1", "/kubepods", "/");
        assertThat(read().controlGroup().get().limitBytes()).isEqualTo(1 << 20);
    }

    @Test
    void aMountOfAnotherContainerDoesNotCount() throws IOException {
        write("proc/self/cgroup", "5:memory,hugetlb:/docker/abc\n0::/\n");
        String other = "30 23 0:26 /docker/other /sys/fs/cgroup/other rw - cgroup cgroup rw,memory,hugetlb\n";
        write("proc/self/mountinfo", other);
        write("sys/fs/cgroup/other/memory.limit_in_bytes", "4096\n");
        assertThat(read().controlGroup().whyNot())
                .isEqualTo("control group /docker/abc of version 1 is not mounted here");

        write(
                "proc/self/mountinfo",
                other + "31 23 0:26 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory,hugetlb\n");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
        assertThat(read().controlGroup().get().limitBytes()).isEqualTo(GIB);
    }

    /// A namespace that was left: the mounts of the one outside show groups above this process's own.
    @Test
    void aMountFromOutsideTheNamespaceShowsAGroupAbove() throws IOException {
        write("proc/self/cgroup", "0::/\n");
        write("proc/self/mountinfo", "30 23 0:26 /.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
        write("sys/fs/cgroup/memory.max", "1073741824\n");
        assertThat(read().controlGroup().get().limitBytes()).isEqualTo(GIB);
    }

    @Test
    void aGroupThatWasRemovedCountsInTheOneAbove() throws IOException {
        write("proc/self/cgroup", "0::/a/b (deleted)\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
        write("sys/fs/cgroup/a/memory.max", "1073741824\n");
        assertThat(read().controlGroup().get().limitBytes()).isEqualTo(GIB);

        write("sys/fs/cgroup/a/b (deleted)/memory.max", "1048576\n");
        assertThat(read().controlGroup().get().limitBytes())
                .as("it has that name")
                .isEqualTo(1 << 20);
    }

    @Test
    void anotherProcessHasItsOwnGroupAndLimits() throws IOException {
        write("proc/77/cgroup", "0::/a\n");
        write("proc/77/limits", "Max address space   1000000   2000000   bytes\n");
        write("proc/77/status", "VmSize:\t  100 kB\n");
        write("proc/self/cgroup", "0::/b\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
        write("sys/fs/cgroup/a/memory.max", "1073741824\n");
        write("sys/fs/cgroup/b/memory.max", "4096\n");

        MemoryLimits limits = MemoryLimits.of(new SystemFiles(root), 77);

        assertThat(limits.controlGroup().get().limitBytes()).isEqualTo(GIB);
        assertThat(limits.addressSpace().softBytes().get()).isEqualTo(1_000_000);
        assertThat(limits.addressSpace().usedBytes().get()).isEqualTo(100 << 10);
        assertThat(limits.mappings().ours().whyNot()).isEqualTo("another process does not tell it");
        assertThatThrownBy(() -> MemoryLimits.of(new SystemFiles(root), 78))
                .isInstanceOf(UnreadableProcessException.class)
                .hasMessageContaining("ENOENT (no such file or directory); there is no process with this number");
        assertThatThrownBy(() -> MemoryLimits.of(0)).isInstanceOf(IllegalArgumentException.class);
    }

    /// In a namespace of its own a container sees its group as the root, or paths that lead out of it.
    @Test
    void containersSeeTheirOwnGroupAsTheRoot() throws IOException {
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
        write("sys/fs/cgroup/memory.max", "2147483648\n");
        write("sys/fs/cgroup/memory.current", "1073741824\n");
        write("sys/fs/other/memory.max", "4096\n"); // where a path that is followed out of the mount would lead
        for (String group : new String[] {"/", "/../other", "/docker/not-mounted-here"}) {
            write("proc/self/cgroup", "0::" + group + "\n");
            ControlGroup found = read().controlGroup().get();
            assertThat(found.levels()).as(group).hasSize(1);
            assertThat(found.leftBytes()).as(group).isEqualTo(GIB);
        }
    }

    @Test
    void anOldKernelTellsLessAndSaysWhy() throws IOException {
        write("proc/meminfo", """
                MemTotal:        8010408 kB
                MemFree:         1524360 kB
                SwapTotal:       2097148 kB
                SwapFree:        2097148 kB
                CommitLimit:     6102352 kB
                Committed_AS:    5102352 kB
                """);
        write("proc/sys/vm/overcommit_memory", "2\n");
        write("proc/sys/vm/overcommit_ratio", "50\n");
        write("proc/sys/vm/max_map_count", "65530\n");
        write("proc/self/maps", "1000-2000 r--p\n2000-3000 r--p\n");
        write("proc/self/limits", """
                Limit                     Soft Limit           Hard Limit           Units
                Max data size             1000000000           unlimited            bytes
                Max stack size            8388608              unlimited            bytes
                Max address space         nonsense             unlimited            bytes
                """);
        write("proc/self/status", "Name:\\tcat\nVmSize:\t  110000 kB\nVmData:\t   100000 kB\n");
        write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
        write("sys/kernel/mm/transparent_hugepage/defrag", "no brackets\n");
        write("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
        write("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "128\n");
        write("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "100\n");
        write("sys/kernel/mm/hugepages/something-else/nr_hugepages", "9\n");

        MemoryLimits limits = read();

        assertThat(limits.machine().totalBytes().get()).isEqualTo(8010408L << 10);
        assertThat(limits.machine().availableBytes().whyNot())
                .isEqualTo("this kernel does not tell MemAvailable in /proc/meminfo");
        assertThat(limits.overcommit().mode().get()).isEqualTo(OvercommitMode.NEVER);
        assertThat(limits.overcommit().fixedBytes().whyNot())
                .isEqualTo("this kernel has no /proc/sys/vm/overcommit_kbytes");
        assertThat(limits.mappings().used().get()).isEqualTo(2);
        assertThat(limits.data().softBytes().get()).isEqualTo(1_000_000_000);
        assertThat(limits.data().hardBytes().get()).isEqualTo(MemoryLimits.UNLIMITED);
        assertThat(limits.addressSpace().softBytes().whyNot())
                .isEqualTo("/proc/self/limits does not say what it should");
        assertThat(limits.lockedMemory().softBytes().whyNot())
                .isEqualTo("/proc/self/limits does not tell Max locked memory");
        assertThat(limits.transparentHugePages().enabled().get()).isEqualTo("always");
        assertThat(limits.transparentHugePages().defrag().isKnown()).isFalse();
        assertThat(limits.transparentHugePages().sharedMemory().isKnown()).isFalse();
        assertThat(limits.pressure().whyNot()).isEqualTo("this kernel has no /proc/pressure/memory");
        assertThat(limits.controlGroup().whyNot()).isEqualTo("this kernel has no /proc/self/cgroup");
        assertThat(limits.hugePagePools()).extracting(HugePagePool::pageBytes).containsExactly(2L << 20, GIB);
        assertThat(limits.rooms())
                .containsExactly(
                        new Room("RLIMIT_DATA", 1_000_000_000 - (100_000L << 10)),
                        new Room("the commit limit of the machine", 1_000_000L << 10));
    }

    @Test
    void theRoomOfTheMachineIsWhatItCanReclaimAndItsSwap() throws IOException {
        write("proc/meminfo", "MemTotal: 8000 kB\nMemAvailable: 3000 kB\nSwapTotal: 2000 kB\nSwapFree: 500 kB\n");
        write("proc/sys/vm/overcommit_memory", "0\n");

        assertThat(read().rooms()).containsExactly(new Room("the machine has no more", 3500L << 10));
    }

    @Test
    void whereThereIsNothingEverythingIsUnknown() {
        MemoryLimits limits = read();

        assertThat(limits.rooms()).isEmpty();
        assertThat(limits.pageBytes().isKnown()).isFalse();
        assertThatThrownBy(() -> limits.pageBytes().get())
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("not known: this kernel has no /proc/self/auxv");
        assertThat(limits.pageBytes().orElse(4096L)).isEqualTo(4096);
        assertThat(limits.pageBytes().map(bytes -> 2 * bytes)).isEqualTo(limits.pageBytes());
        assertThat(limits.pageBytes()).hasToString("unknown: this kernel has no /proc/self/auxv");
    }

    @Test
    void thePageSizeIsInTheAuxiliaryVector() throws IOException {
        ByteBuffer words = ByteBuffer.allocate(48).order(ByteOrder.nativeOrder());
        words.putLong(16).putLong(123).putLong(6).putLong(65_536).putLong(0).putLong(0);
        Files.createDirectories(root.resolve("proc/self"));
        Files.write(root.resolve("proc/self/auxv"), words.array());

        assertThat(read().pageBytes().get()).isEqualTo(65_536);
    }

    private MemoryLimits read() {
        return MemoryLimits.read(new SystemFiles(root));
    }

    private void write(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text, StandardCharsets.UTF_8);
    }
}
