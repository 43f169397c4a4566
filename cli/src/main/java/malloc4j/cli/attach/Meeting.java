package malloc4j.cli.attach;

import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import malloc4j.cli.attach.agent.Agent;
import malloc4j.cli.attach.agent.MessageChannel;
import org.jspecify.annotations.Nullable;

/// Where this command and the agent meet: a folder for the eyes of the process's user only, with the agent's jar and a
/// socket. It is gone when they have met, or when this command ends by a signal that can be caught.
final class Meeting implements AutoCloseable {
    private static final String JAR_RESOURCE = "malloc4j-agent.jar";
    private static final String PREFIX = "malloc4j-";

    private final Path folder;
    private final String folderName;
    private final Thread remover = new Thread(this::removeFolder);
    private final ServerSocketChannel server;

    private Meeting(Path folder, String folderName, ServerSocketChannel server) {
        this.folder = folder;
        this.folderName = folderName;
        this.server = server;
        Runtime.getRuntime().addShutdownHook(remover);
    }

    static Meeting with(JvmProcess process) throws IOException {
        Path folder = Files.createTempDirectory(
                process.temporaryFolder(),
                PREFIX,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        var meeting = new Meeting(
                folder, "/tmp/" + folder.getFileName(), ServerSocketChannel.open(StandardProtocolFamily.UNIX));
        try {
            meeting.prepare(process.userId());
            return meeting;
        } catch (IOException | RuntimeException failed) {
            meeting.close();
            throw failed;
        }
    }

    private void prepare(long userId) throws IOException {
        Path jar = folder.resolve(Agent.JAR);
        try (InputStream resource = Meeting.class.getResourceAsStream(JAR_RESOURCE)) {
            if (resource == null) {
                throw new IllegalStateException("built without " + JAR_RESOURCE);
            }
            Files.copy(resource, jar);
        }
        Path socket = folder.resolve(Agent.SOCKET);
        server.bind(UnixDomainSocketAddress.of(socket));
        server.configureBlocking(false);
        for (Path path : new Path[] {jar, socket, folder}) {
            if (!Files.getAttribute(path, "unix:uid").equals((int) userId)) {
                Files.setAttribute(path, "unix:uid", (int) userId);
            }
        }
    }

    /// The agent's jar, as the process names it.
    String jar() {
        return folderName + "/" + Agent.JAR;
    }

    /// The folder, as the process names it.
    String folder() {
        return folderName;
    }

    /// The way to the agent, or null if it has not come within `millis`.
    @Nullable
    MessageChannel await(long millis) throws IOException {
        try (Selector selector = Selector.open()) {
            server.register(selector, SelectionKey.OP_ACCEPT);
            selector.select(millis);
            SocketChannel agent = server.accept();
            return agent == null ? null : new MessageChannel(agent);
        }
    }

    @Override
    public void close() throws IOException {
        try (server) {
            removeFolder();
            Runtime.getRuntime().removeShutdownHook(remover);
        } catch (IllegalStateException ending) {
            // this command ends, and the hook finds nothing to remove
        }
    }

    private void removeFolder() {
        for (String name : new String[] {Agent.JAR, Agent.SOCKET, ""}) {
            try {
                Files.deleteIfExists(folder.resolve(name));
            } catch (IOException left) {
                // of a process that has taken its file system with it
            }
        }
    }
}
