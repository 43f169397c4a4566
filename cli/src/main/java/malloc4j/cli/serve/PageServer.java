package malloc4j.cli.serve;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.avaje.jsonb.Jsonb;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CliException;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.cli.sites.SitesPage;
import malloc4j.cli.sites.SitesReport;

/// Serves the page and what it draws, to browsers of this machine alone.
///
/// | request | answer |
/// |---|---|
/// | `GET /`, `/page.js`, `/page.css`, `/vendor/...` | the page |
/// | `GET /snapshot.json` | an [Observation] |
/// | `GET /events` | a stream of them (server-sent events), and the event `end` when there will be no more |
/// | `GET /cells.json?heap=N&from=ADDRESS&to=ADDRESS` | a [malloc4j.cli.picture.CellMap] |
/// | `GET /sites.json`, `/flame.html`, `/held.json` | who has allocated what, who keeps pages |
/// | `POST /trim`, `/profile?sampleBytes=N` | have heaps give back, have samples taken |
///
/// **Who may**: only the loopback address is bound. A request whose `Host` is another name, or whose `Origin` is
/// another site, is refused, so that no page of the web can use a browser to read here. What changes the program needs
/// the token of the address that the command prints. Nothing is stored by browsers, and the page may load nothing from
/// elsewhere.
final class PageServer implements AutoCloseable {
    private static final String TOKEN_HEADER = "X-Malloc4j-Token";
    private static final int TOKEN_BYTES = 16;
    private static final int MAX_CONNECTIONS = 200;
    private static final int MAX_STREAMS = 32;
    private static final int MAX_BODY_BYTES = 4096;
    private static final long MAX_SAMPLE_BYTES = 1L << 40;
    private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final long BEAT_NANOS = TimeUnit.SECONDS.toNanos(15); // so that a stream that nobody reads ends
    private static final String PAGE = "/page";
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "json", "application/json; charset=utf-8");
    private static final Set<String> FILES =
            Set.of("/index.html", "/page.js", "/page.css", "/vendor/uplot.js", "/vendor/uplot.css");
    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
                    + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static final String FLAME_POLICY =
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
                    + " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts";

    private final Observer observer;
    private final Ticker ticker;
    private final HttpServer server;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final Semaphore streams = new Semaphore(MAX_STREAMS);
    private final String token;
    private final Set<String> hosts;

    private PageServer(HttpServer server, Observer observer, Ticker ticker) {
        this.server = server;
        this.observer = observer;
        this.ticker = ticker;
        byte[] secret = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(secret);
        this.token = HexFormat.of().formatHex(secret);
        int port = server.getAddress().getPort();
        this.hosts = Set.of("127.0.0.1:" + port, "localhost:" + port);
    }

    /// Binds a port of the loopback address, 0 for any that is free, and begins to serve.
    static PageServer start(int port, Observer observer, Ticker ticker) throws IOException {
        System.setProperty("jdk.httpserver.maxConnections", Integer.toString(MAX_CONNECTIONS));
        System.setProperty("sun.net.httpserver.maxReqTime", "10"); // seconds for a request to be sent
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), 0);
        PageServer page = new PageServer(server, observer, ticker);
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
            try {
                admit(exchange);
            } catch (CliException | IllegalStateException gone) {
                refuse(exchange, 503, String.valueOf(gone.getMessage()));
            } catch (IllegalArgumentException wrong) {
                refuse(exchange, 400, String.valueOf(wrong.getMessage()));
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void admit(HttpExchange exchange) throws IOException, InterruptedException {
        String host = exchange.getRequestHeaders().getFirst("Host");
        String origin = exchange.getRequestHeaders().getFirst("Origin");
        if (host == null || !hosts.contains(host)) {
            refuse(exchange, 403, "this page is for browsers of this machine, by its own address");
        } else if (origin != null && !hosts.contains(origin.replaceFirst("^http://", ""))) {
            refuse(exchange, 403, "another site has nothing to look for here");
        } else {
            route(exchange);
        }
    }

    private void route(HttpExchange exchange) throws IOException, InterruptedException {
        String path = exchange.getRequestURI().getPath();
        switch (exchange.getRequestMethod()) {
            case "GET" -> get(exchange, path.equals("/") ? "/index.html" : path);
            case "POST" -> {
                if (!isToken(exchange.getRequestHeaders().getFirst(TOKEN_HEADER))) {
                    refuse(exchange, 403, "this needs the token of the address that malloc4j serve has printed");
                } else {
                    discardBody(exchange);
                    post(exchange, path);
                }
            }
            default -> refuse(exchange, 405, "GET and POST are all there is");
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

    private void get(HttpExchange exchange, String path) throws IOException, InterruptedException {
        Map<String, String> query = query(exchange);
        switch (path) {
            case "/snapshot.json" -> {
                Ticker.Seen seen = ticker.awaitAfter(0, FIRST_NANOS);
                if (seen.tick() == 0) {
                    refuse(exchange, 503, "nothing was seen of the process yet: " + seen.end());
                } else {
                    send(exchange, "json", POLICY, seen.json().getBytes(StandardCharsets.UTF_8));
                }
            }
            case "/events" -> stream(exchange);
            case "/cells.json" ->
                sendJson(
                        exchange,
                        observer.zoom(
                                (int) number(query, "heap", Integer.MAX_VALUE),
                                number(query, "from", Long.MAX_VALUE),
                                number(query, "to", Long.MAX_VALUE)));
            case "/sites.json" -> sendJson(exchange, SitesReport.of(observer.sites(), Measure.LIVE));
            case "/held.json" -> sendJson(exchange, observer.held());
            case "/flame.html" -> {
                SampledProcess sites = observer.sites();
                var page = new ByteArrayOutputStream();
                SitesPage.write(sites, Measure.LIVE, page);
                send(exchange, "html", FLAME_POLICY, page.toByteArray());
            }
            default -> file(exchange, path);
        }
    }

    private void post(HttpExchange exchange, String path) throws IOException {
        switch (path) {
            case "/trim" -> sendJson(exchange, observer.trim());
            case "/profile" -> {
                long sampleBytes = Math.max(1, number(query(exchange), "sampleBytes", MAX_SAMPLE_BYTES));
                sendJson(
                        exchange,
                        Map.of(
                                "startedHeaps",
                                observer.startProfile(sampleBytes).startedHeaps()));
            }
            default -> refuse(exchange, 404, "there is nothing here");
        }
    }

    private static void file(HttpExchange exchange, String path) throws IOException {
        if (!FILES.contains(path)) {
            refuse(exchange, 404, "there is nothing here");
            return;
        }
        try (InputStream in = PageServer.class.getResourceAsStream(PAGE + path)) {
            if (in == null) {
                throw new IllegalStateException("the page is not in this jar");
            }
            send(exchange, path.substring(path.lastIndexOf('.') + 1), POLICY, in.readAllBytes());
        }
    }

    /// Sends what is seen as it comes, until the browser goes.
    private void stream(HttpExchange exchange) throws IOException, InterruptedException {
        if (!streams.tryAcquire()) {
            refuse(exchange, 503, MAX_STREAMS + " browsers watch already");
            return;
        }
        try (OutputStream out = begin(exchange, "text/event-stream; charset=utf-8", POLICY, 200, 0)) {
            Ticker.Seen seen = ticker.awaitAfter(0, BEAT_NANOS);
            long sent = 0;
            while (true) {
                if (seen.tick() > sent) {
                    out.write(("data: " + seen.json() + "\n\n").getBytes(StandardCharsets.UTF_8));
                    sent = seen.tick();
                } else if (seen.end() != null) {
                    out.write(("event: end\ndata: " + Jsonb.instance().toJson(seen.end()) + "\n\n")
                            .getBytes(StandardCharsets.UTF_8));
                    out.flush();
                    return;
                } else {
                    out.write(": nothing new\n\n".getBytes(StandardCharsets.UTF_8));
                }
                out.flush();
                seen = ticker.awaitAfter(sent, BEAT_NANOS);
            }
        } finally {
            streams.release();
        }
    }

    private static void sendJson(HttpExchange exchange, Object document) throws IOException {
        send(exchange, "json", POLICY, Jsonb.instance().toJson(document).getBytes(StandardCharsets.UTF_8));
    }

    private static void send(HttpExchange exchange, String type, String policy, byte[] body) throws IOException {
        try (OutputStream out = begin(exchange, typeOf(type), policy, 200, body.length)) {
            out.write(body);
        }
    }

    private static String typeOf(String ending) {
        return TYPES.getOrDefault(ending, "application/octet-stream");
    }

    private static void refuse(HttpExchange exchange, int status, String why) throws IOException {
        byte[] body = (why + "\n").getBytes(StandardCharsets.UTF_8);
        if (exchange.getResponseCode() == -1) {
            try (OutputStream out = begin(exchange, "text/plain; charset=utf-8", POLICY, status, body.length)) {
                out.write(body);
            }
        }
    }

    private static OutputStream begin(HttpExchange exchange, String type, String policy, int status, long length)
            throws IOException {
        Headers headers = exchange.getResponseHeaders();
        headers.set("Content-Type", type);
        headers.set("Content-Security-Policy", policy);
        headers.set("Cache-Control", "no-store");
        headers.set("X-Content-Type-Options", "nosniff");
        headers.set("Referrer-Policy", "no-referrer");
        headers.set("Cross-Origin-Resource-Policy", "same-origin");
        exchange.sendResponseHeaders(status, length);
        return exchange.getResponseBody();
    }

    private static Map<String, String> query(HttpExchange exchange) {
        Map<String, String> query = new HashMap<>();
        String raw = exchange.getRequestURI().getRawQuery();
        for (String part : raw == null ? new String[0] : raw.split("&", -1)) {
            int equals = part.indexOf('=');
            if (equals > 0) {
                query.put(
                        part.substring(0, equals),
                        URLDecoder.decode(part.substring(equals + 1), StandardCharsets.UTF_8));
            }
        }
        return query;
    }

    private static long number(Map<String, String> query, String name, long max) {
        String text = query.getOrDefault(name, "");
        try {
            long number = Long.parseLong(text);
            if (number >= 0 && number <= max) {
                return number;
            }
        } catch (NumberFormatException none) {
            // told below
        }
        throw new IllegalArgumentException(
                name + "=" + text.replaceAll("[^!-~]", "?") + ": must be a number from 0 to " + max);
    }
}
