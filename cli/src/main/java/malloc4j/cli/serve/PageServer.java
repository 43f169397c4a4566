package malloc4j.cli.serve;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import malloc4j.cli.CliException;
import malloc4j.process.UnreadableProcessException;

/// Serves the page and what it draws, to browsers of this machine alone.
///
/// | request | answer | by |
/// |---|---|---|
/// | `GET /`, `/page.js`, `/page.css`, `/vendor/...` | the page | here |
/// | `GET /page.json` | what is shown: a process, a playground, a saved look | [ServeCommand] |
/// | what else there is to see and to do | | [LiveRoutes], [SavedRoutes], [PlaygroundRoutes], [SceneRoutes] |
///
/// **Who may**: only the loopback address is bound. A request whose `Host` is another name, or whose `Origin` is
/// another site, is refused, so that no page of the web can use a browser to read here. What changes the program needs
/// the token of the address that the command prints. Nothing is stored by browsers, and the page may load nothing from
/// elsewhere ([Reply]).
final class PageServer implements AutoCloseable {
    private static final String TOKEN_HEADER = "X-Malloc4j-Token";
    private static final int TOKEN_BYTES = 16;
    private static final int MAX_CONNECTIONS = 200;
    private static final int MAX_BODY_BYTES = 4096;
    private static final String PAGE = "/page";
    private static final List<String> FILES = List.of(
            "/index.html",
            "/page.css",
            "/page.js",
            "/basics.js",
            "/heap.js",
            "/lines.js",
            "/slabs.js",
            "/space.js",
            "/questions.js",
            "/saved.js",
            "/playground.js",
            "/scenes.js",
            "/vendor/uplot.js",
            "/vendor/uplot.css");

    private final HttpServer server;
    private final Routes routes;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final String token;
    private final Set<String> hosts;

    private PageServer(HttpServer server, Routes routes) {
        this.server = server;
        this.routes = routes;
        byte[] secret = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(secret);
        this.token = HexFormat.of().formatHex(secret);
        int port = server.getAddress().getPort();
        this.hosts = Set.of("127.0.0.1:" + port, "localhost:" + port);
    }

    /// Binds a port of the loopback address, 0 for any that is free, and begins to serve.
    static PageServer start(int port, Routes routes) throws IOException {
        System.setProperty("jdk.httpserver.maxConnections", Integer.toString(MAX_CONNECTIONS));
        System.setProperty("sun.net.httpserver.maxReqTime", "10"); // seconds for a request to be sent
        FILES.forEach(path -> routes.get(path, reply -> file(reply, path)));
        routes.get("/", reply -> file(reply, "/index.html"));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), 0);
        PageServer page = new PageServer(server, routes);
        server.setExecutor(page.executor);
        server.createContext("/", page::serve);
        server.start();
        return page;
    }

    /// Where the page is, with the token.
    String address() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/#" + token;
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            Reply reply = new Reply(exchange);
            try {
                admit(exchange, reply);
            } catch (CliException | IllegalStateException | UnreadableProcessException gone) {
                reply.refuse(503, String.valueOf(gone.getMessage()));
            } catch (IllegalArgumentException wrong) {
                reply.refuse(400, String.valueOf(wrong.getMessage()));
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void admit(HttpExchange exchange, Reply reply) throws IOException, InterruptedException {
        String host = exchange.getRequestHeaders().getFirst("Host");
        String origin = exchange.getRequestHeaders().getFirst("Origin");
        if (host == null || !hosts.contains(host)) {
            reply.refuse(403, "this page is for browsers of this machine, by its own address");
        } else if (origin != null && !hosts.contains(origin.replaceFirst("^http://", ""))) {
            reply.refuse(403, "another site has nothing to look for here");
        } else {
            route(exchange, reply);
        }
    }

    private void route(HttpExchange exchange, Reply reply) throws IOException, InterruptedException {
        String path = exchange.getRequestURI().getPath();
        switch (exchange.getRequestMethod()) {
            case "GET" -> routes.get(path).answer(reply);
            case "POST" -> {
                if (!isToken(exchange.getRequestHeaders().getFirst(TOKEN_HEADER))) {
                    reply.refuse(403, "this needs the token of the address that malloc4j serve has printed");
                } else {
                    discardBody(exchange);
                    routes.post(path).answer(reply);
                }
            }
            default -> reply.refuse(405, "GET and POST are all there is");
        }
    }

    private boolean isToken(String given) {
        return given != null
                && MessageDigest.isEqual(
                        given.getBytes(StandardCharsets.UTF_8), token.getBytes(StandardCharsets.UTF_8));
    }

    private static void discardBody(HttpExchange exchange) throws IOException {
        if (exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1).length > MAX_BODY_BYTES) {
            throw new IllegalArgumentException("nothing of that size is wanted");
        }
    }

    private static void file(Reply reply, String path) throws IOException {
        try (InputStream in = PageServer.class.getResourceAsStream(PAGE + path)) {
            if (in == null) {
                throw new IllegalStateException("the page is not in this jar");
            }
            reply.file(path.substring(path.lastIndexOf('.') + 1), in.readAllBytes());
        }
    }
}
