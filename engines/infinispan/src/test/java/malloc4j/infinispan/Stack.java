package malloc4j.infinispan;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.infinispan.manager.DefaultCacheManager;

/// The protocol stack that Infinispan ships for TCP, on 127.0.0.1, with the members named instead of found by
/// multicast.
final class Stack {
    private static final String SHIPPED = "/org/infinispan/configuration/default-jgroups-tcp.xml";
    private static final int FIRST_PORT = 7_800;
    private static final int LAST_PORT = 15_000; // failure detection listens 50,000 above

    private Stack() {}

    /// Ports that are free now, and those 50,000 above too.
    static List<Integer> freePorts(int count) {
        List<Integer> ports = new ArrayList<>();
        int begin = FIRST_PORT + (int) (ProcessHandle.current().pid() % 500) * 10; // two builds on one machine
        for (int port = begin; ports.size() < count && port < LAST_PORT; port++) {
            if (isFree(port) && isFree(port + 50_000)) {
                ports.add(port);
            }
        }
        return ports;
    }

    private static boolean isFree(int port) {
        try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return probe.isBound();
        } catch (IOException taken) {
            return false;
        }
    }

    /// Writes the configuration of the node at a port.
    static Path write(Path directory, int port, List<Integer> members) throws IOException {
        String hosts = members.stream().map(each -> "127.0.0.1[" + each + "]").collect(Collectors.joining(","));
        String text;
        try (InputStream shipped = DefaultCacheManager.class.getResourceAsStream(SHIPPED)) {
            if (shipped == null) {
                throw new IOException(SHIPPED + " is not on the class path");
            }
            text = new String(shipped.readAllBytes(), StandardCharsets.UTF_8);
        }
        text = replace(text, "(?s)<MPING.*?/>", "<TCPPING initial_hosts=\"" + hosts + "\" port_range=\"0\"/>");
        text = replace(text, "bind_addr=\"[^\"]*\"", "bind_addr=\"127.0.0.1\"");
        text = replace(text, "bind_port=\"[^\"]*\"", "bind_port=\"" + port + "\"");
        text = replace(text, "port_range=\"\\$[^\"]*\"", "port_range=\"0\"");
        return Files.writeString(directory.resolve("stack-" + port + ".xml"), text);
    }

    private static String replace(String text, String pattern, String by) {
        String replaced = text.replaceFirst(pattern, by);
        if (replaced.equals(text)) {
            throw new IllegalStateException(SHIPPED + " has no " + pattern + " any more");
        }
        return replaced;
    }
}
