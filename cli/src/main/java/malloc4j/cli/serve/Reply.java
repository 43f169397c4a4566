package malloc4j.cli.serve;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// One request, with what it asks and how it is answered. Every answer forbids the browser to store it, and the page to
/// load anything from elsewhere.
final class Reply {
    private static final Map<String, String> TYPES = Map.of(
            "html", "text/html; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "css", "text/css; charset=utf-8",
            "json", "application/json; charset=utf-8");
    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
                    + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static final String FLAME_POLICY =
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
                    + " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts";

    private final HttpExchange exchange;
    private final Map<String, String> query;

    Reply(HttpExchange exchange) {
        this.exchange = exchange;
        this.query = query(exchange.getRequestURI().getRawQuery());
    }

    private static Map<String, String> query(String raw) {
        Map<String, String> query = new HashMap<>();
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

    /// What is asked for by a name, empty where nothing is.
    String text(String name) {
        return query.getOrDefault(name, "");
    }

    /// A number that is asked for.
    ///
    /// @throws IllegalArgumentException if it is none from 0 to `max`
    long number(String name, long max) {
        String text = text(name);
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

    void json(Object document) throws IOException {
        json(Jsonb.instance().toJson(document));
    }

    void json(String document) throws IOException {
        file("json", document.getBytes(StandardCharsets.UTF_8));
    }

    /// Answers by a file whose name ends in that.
    void file(String ending, byte[] body) throws IOException {
        send(typeOf(ending), POLICY, 200, body);
    }

    private static String typeOf(String ending) {
        return TYPES.getOrDefault(ending, "application/octet-stream");
    }

    /// Answers by a page of its own, whose script is in it: in a sandbox.
    void sandboxed(byte[] page) throws IOException {
        send(typeOf("html"), FLAME_POLICY, 200, page);
    }

    /// Begins a stream of events.
    OutputStream events() throws IOException {
        return begin("text/event-stream; charset=utf-8", POLICY, 200, 0);
    }

    /// Says why there is no answer, unless one has begun.
    void refuse(int status, String why) throws IOException {
        if (exchange.getResponseCode() == -1) {
            send("text/plain; charset=utf-8", POLICY, status, (why + "\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    private void send(String type, String policy, int status, byte[] body) throws IOException {
        try (OutputStream out = begin(type, policy, status, body.length)) {
            out.write(body);
        }
    }

    private OutputStream begin(String type, String policy, int status, long length) throws IOException {
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
}
