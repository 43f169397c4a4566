package malloc4j.cli.attach;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import malloc4j.cli.CliException;

/// Has a JVM run its own diagnostic commands, as `jcmd` does, without another JVM for it: by the words that HotSpot's
/// socket has understood since JDK 6. Nothing is loaded into the process.
///
/// ```
///   1\0 jcmd\0 COMMAND\0 \0 \0    ->
///                                 <-   0\n and what the command prints, or another number and why
/// ```
///
/// @source `src/hotspot/share/services/attachListener.cpp` and `os/posix/attachListener_posix.cpp`
public final class DiagnosticCommands {
    private static final long SECONDS = 5;
    private static final int MAX_BYTES = 64 << 20;

    private final long pid;
    private final Path socket;

    private DiagnosticCommands(long pid, Path socket) {
        this.pid = pid;
        this.socket = socket;
    }

    /// Has the JVM open its socket.
    ///
    /// @throws CliException if it is no JVM or cannot be attached to, in one line
    public static DiagnosticCommands of(long pid) {
        JvmProcess process = JvmProcess.of(pid);
        AttachedJvm.within(pid, SECONDS, () -> open(pid));
        return new DiagnosticCommands(pid, process.temporaryFolder().resolve(".java_pid" + ownNumber(pid)));
    }

    private static void open(long pid) {
        try {
            VirtualMachine.attach(Long.toString(pid)).detach();
        } catch (AttachNotSupportedException | IOException refused) {
            throw CliException.cannot(
                    "process " + pid + " does not let itself be attached to: " + refused.getMessage());
        }
    }

    /// The number that the process has where it lives, which may be a container.
    private static String ownNumber(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc", Long.toString(pid), "status"))) {
            return lines.filter(line -> line.startsWith("NSpid:"))
                    .map(line -> line.substring(line.lastIndexOf('\t') + 1).strip())
                    .findFirst()
                    .orElse(Long.toString(pid));
        } catch (IOException ended) {
            throw CliException.cannot("process " + pid + " has ended meanwhile");
        }
    }

    /// What a command prints.
    ///
    /// @throws CliException if the JVM does not answer, or refuses
    public String run(String command) {
        var answer = new StringBuilder();
        AttachedJvm.within(pid, SECONDS, () -> answer.append(ask(command)));
        String text = answer.toString();
        int end = text.indexOf('\n');
        if (end < 0 || !text.substring(0, end).strip().equals("0")) {
            throw CliException.cannot("process " + pid + " does not run " + command + ": " + text.strip());
        }
        return text.substring(end + 1);
    }

    private String ask(String command) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            ByteBuffer request = StandardCharsets.UTF_8.encode("1\0jcmd\0" + command + "\0\0\0");
            while (request.hasRemaining()) {
                channel.write(request);
            }
            return new String(Channels.newInputStream(channel).readNBytes(MAX_BYTES), StandardCharsets.UTF_8);
        } catch (IOException broken) {
            throw CliException.cannot("process " + pid + " does not answer: " + broken.getMessage());
        }
    }
}
