package malloc4j.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import malloc4j.faults.PeerJvm;
import malloc4j.linux.SharedMemory.Access;
import malloc4j.linux.SharedMemory.Liveness;
import malloc4j.linux.SharedMemory.Status;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Shared memory between two JVMs on the real `/dev/shm`: both ways, across users, and after a kill.
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SharedMemoryProcessesTest {
    private static final int NOBODY = 65534;
    private static final List<String> AS_NOBODY =
            List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups");

    private final String name = "/malloc4j-processes-" + ProcessHandle.current().pid();
    private final List<PeerJvm> peers = new ArrayList<>();

    @AfterEach
    void cleanUp() {
        peers.forEach(PeerJvm::close);
        SharedMemory.unlink(name);
    }

    private PeerJvm peer(String... arguments) throws IOException {
        return peerStartedBy(List.of(), arguments);
    }

    private PeerJvm peerStartedBy(List<String> prefix, String... arguments) throws IOException {
        PeerJvm peer = PeerJvm.startedBy(prefix, SharedMemoryPeer.class, arguments);
        peers.add(peer);
        return peer;
    }

    private Status status() {
        return SharedMemory.status(name).orElseThrow();
    }

    private Status listed() {
        return SharedMemory.list().stream()
                .filter(status -> status.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void twoProcessesShareNamedMemoryBothWays() throws Exception {
        try (SharedMemory memory = SharedMemory.create(name, 1 << 20)) {
            share(memory, "answer", name);
        }
    }

    @Test
    void twoProcessesShareAnonymousMemoryBothWays() throws Exception {
        try (SharedMemory memory = SharedMemory.anonymous("shared", 1 << 20)) {
            long pid = ProcessHandle.current().pid();
            share(memory, "answer process", pid + "", memory.fd() + "");
        }
    }

    private void share(SharedMemory memory, String... arguments) throws Exception {
        try (Mapping mapping = memory.map()) {
            mapping.segment().set(JAVA_LONG, 0, 1000);
            PeerJvm peer = peer(arguments);
            assertThat(peer.line()).isEqualTo("answered");
            assertThat(mapping.segment().get(JAVA_LONG, 8)).isEqualTo(1001);
            assertThat(mapping.segment().get(JAVA_LONG, (1 << 20) - 8)).isEqualTo(1002);
            mapping.segment().set(JAVA_LONG, 16, 77);
            peer.say("written");
            assertThat(peer.line()).isEqualTo("77");
            peer.join();
        }
    }

    @Test
    void anonymousMemoryOutlivesTheProcessThatMadeIt() throws Exception {
        PeerJvm peer = peer("offer anonymous");
        int fd = Integer.parseInt(peer.line());
        try (SharedMemory memory = SharedMemory.openProcess(peer.pid(), fd, Access.READ_WRITE);
                Mapping mapping = memory.map()) {
            assertThat(mapping.segment().get(JAVA_LONG, (1 << 20) - 8)).isEqualTo(4711);
            mapping.segment().set(JAVA_LONG, 0, 4712);
            peer.say("written");
            assertThat(peer.line()).isEqualTo("4712");
            peer.kill();
            assertThat(mapping.segment().get(JAVA_LONG, (1 << 20) - 8)).isEqualTo(4711);
            assertThatThrownBy(() -> SharedMemory.openProcess(peer.pid(), fd, Access.READ_ONLY))
                    .isInstanceOf(SystemCallException.class)
                    .hasMessageEndingWith("the process has ended, or closed it");
        }
    }

    @Test
    void aKilledCreatorLeavesAStaleNameThatIsFoundAndRemoved() throws Exception {
        PeerJvm creator = peer("create", name);
        assertThat(creator.line()).isEqualTo("true");
        assertThat(listed().liveness()).isEqualTo(Liveness.CREATOR_LIVES);
        assertThat(listed().creatorPid()).hasValue(creator.pid());
        assertThat(SharedMemory.removeStale(name)).isFalse();
        assertThatThrownBy(() -> SharedMemory.create(name, 4096))
                .isInstanceOf(SystemCallException.class)
                .hasMessage("link(path=/dev/shm" + name + ") failed: EEXIST (already exists); process " + creator.pid()
                        + " created it and lives: open it, or take another name");

        creator.kill();
        assertThat(listed().liveness()).isEqualTo(Liveness.STALE);
        assertThat(listed().creatorPid()).isEmpty();
        assertThat(listed().byteSize()).isEqualTo(1 << 20);
        assertThatThrownBy(() -> SharedMemory.create(name, 4096))
                .isInstanceOf(SystemCallException.class)
                .hasMessageEndingWith("nobody has it any more: removeStale(\"" + name + "\"), and try again");

        assertThat(SharedMemory.removeStale(name)).isTrue();
        assertThat(SharedMemory.removeStale(name)).isFalse();
        assertThat(SharedMemory.status(name)).isEmpty();
        SharedMemory.create(name, 4096).close();
    }

    @Test
    void whatAnotherProcessStillUsesIsOrphanedAndNotRemoved() throws Exception {
        PeerJvm creator = peer("create", name);
        creator.line();
        PeerJvm user = peer("open", name);
        assertThat(user.line()).isEqualTo("0");
        creator.kill();
        assertThat(status().liveness()).isEqualTo(Liveness.ORPHANED);
        assertThat(SharedMemory.removeStale(name)).isFalse();
        assertThatThrownBy(() -> SharedMemory.create(name, 4096))
                .hasMessageEndingWith(
                        "its creator is gone and others still use it: open it, or unlink it and try again");
        user.kill();
        assertThat(status().liveness()).isEqualTo(Liveness.STALE);
        assertThat(SharedMemory.removeStale(name)).isTrue();
    }

    @Test
    void aMappingAloneKeepsANameFromBeingStale() throws Exception {
        PeerJvm creator = peer("create and close all but the mapping", name);
        assertThat(creator.line()).isEqualTo("mapped");
        assertThat(status().liveness()).isEqualTo(Liveness.CREATOR_LIVES);
        assertThat(status().creatorPid()).hasValue(creator.pid());
        creator.say("unmap");
        assertThat(creator.line()).isEqualTo("unmapped");
        assertThat(status().liveness()).isEqualTo(Liveness.STALE);
    }

    @Test
    void aRoleIsFreeOnceItsHolderIsKilled() throws Exception {
        PeerJvm holder = peer("create", name);
        assertThat(holder.line()).isEqualTo("true");
        try (SharedMemory memory = SharedMemory.open(name, Access.READ_WRITE)) {
            assertThat(memory.hold(7)).isFalse();
            assertThat(memory.holder(7)).hasValue(holder.pid());
            assertThat(memory.creatorPid()).hasValue(holder.pid());
            assertThat(memory.holder(6)).isEmpty();
            holder.kill();
            assertThat(memory.holder(7)).isEmpty();
            assertThat(memory.creatorPid()).isEmpty();
            assertThat(memory.hold(7)).isTrue();
            assertThat(memory.holder(7)).hasValue(ProcessHandle.current().pid());
        }
    }

    @Test
    void theModeSaysWhichOtherUsersMayOpen() throws Exception {
        assumeOtherUsersRunHere();
        try (SharedMemory memory = SharedMemory.create(name, 4096)) {
            List<String> closed = tryAllAsNobody();
            assertThat(closed.get(0)).startsWith("EACCES open(path=/dev/shm" + name + ", O_RDONLY) failed: EACCES");
            assertThat(closed.get(1)).startsWith("EACCES open(path=/dev/shm" + name + ", O_RDWR) failed: EACCES");
            assertThat(closed.get(2))
                    .startsWith("EPERM ")
                    .endsWith("only its owner, or root, removes a name in /dev/shm");
            assertThat(closed.subList(3, 5)).containsExactly("UNKNOWN", "done");
            assertThat(closed.get(5)).startsWith("EACCES ");

            memory.setMode(0644);
            List<String> readable = tryAllAsNobody();
            assertThat(readable.get(0)).isEqualTo("done");
            assertThat(readable.get(1))
                    .startsWith("EACCES ")
                    .endsWith("open it READ_ONLY, or let the owner set the mode");
            assertThat(readable.subList(3, 5)).containsExactly("CREATOR_LIVES", "done");

            memory.setMode(0666);
            List<String> writable = tryAllAsNobody();
            assertThat(writable.subList(0, 2)).containsExactly("done", "done");
            assertThat(writable.subList(5, 7)).containsExactly("false", "done");
        }
        assertThat(status().uid()).isZero();
    }

    private List<String> tryAllAsNobody() throws Exception {
        PeerJvm peer = peerStartedBy(AS_NOBODY, "try all", name);
        List<String> lines = new ArrayList<>();
        for (int line = 0; line < 6; line++) {
            lines.add(peer.line());
        }
        if (lines.getLast().equals("false")) {
            lines.add(peer.line());
        }
        peer.say("end");
        peer.join();
        return lines;
    }

    @Test
    void anUnprivilegedProcessCreatesUnderItsUmask() throws Exception {
        assumeOtherUsersRunHere();
        List<String> prefix = new ArrayList<>(AS_NOBODY);
        prefix.addAll(List.of("sh", "-c", "umask 027; exec \"$0\" \"$@\""));
        PeerJvm peer = peerStartedBy(prefix, "create with modes", name);
        assertThat(peer.line()).isEqualTo("640");
        assertThat(peer.line()).isEqualTo("642");
        Status status = status();
        assertThat(status.uid()).isEqualTo(NOBODY);
        assertThat(status.mode()).isEqualTo(0642);
        assertThat(status.liveness()).as("still marked").isEqualTo(Liveness.CREATOR_LIVES);
        assertThat(status.creatorPid()).isEqualTo(OptionalLong.of(peer.pid()));
        peer.say("end");
        assertThat(peer.line()).isEqualTo("done");
        peer.join();
        assertThat(SharedMemory.status(name)).isEmpty();
    }

    @Test
    void whenTheFileSystemIsFullCreatingAndGrowingAreRefusedAndNothingIsLeft() throws Exception {
        assumeTrue(isRoot(), "mounting a small /dev/shm needs root");
        String small = "mount -t tmpfs -o size=1m tmpfs /dev/shm && exec \"$0\" \"$@\"";
        PeerJvm peer = peerStartedBy(List.of("unshare", "--mount", "sh", "-c", small), "fill", name);
        String advice = " (no space left on the device); the file system is full: list() shows what else is in it; "
                + "mount it larger (docker run --shm-size), or ask for less";
        assertThat(peer.line())
                .isEqualTo("ENOSPC fallocate(shared memory " + name + ", offset=0, byteSize=3145728) failed: ENOSPC"
                        + advice);
        assertThat(peer.line()).as("names left").isEqualTo("0");
        assertThat(peer.line()).isEqualTo("done");
        assertThat(peer.line())
                .startsWith("ENOSPC fallocate(shared memory " + name + ", offset=524288, byteSize=2621440)");
        assertThat(peer.line()).as("its size is as before").isEqualTo("524288");
        peer.join();
    }

    private static boolean isRoot() throws IOException {
        return Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
    }

    /// Root may become another user, and that one must be able to read this build.
    private static void assumeOtherUsersRunHere() throws Exception {
        assumeTrue(isRoot(), "becoming another user needs root");
        Path classFile = Path.of(SharedMemory.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .getPath())
                .resolve("malloc4j/linux/SharedMemory.class");
        List<String> command = new ArrayList<>(AS_NOBODY);
        command.addAll(List.of("test", "-r", classFile.toString()));
        assumeTrue(new ProcessBuilder(command).start().waitFor() == 0, "other users cannot read " + classFile);
    }
}
