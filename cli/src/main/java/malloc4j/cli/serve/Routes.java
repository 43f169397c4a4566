package malloc4j.cli.serve;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/// Which path is answered how: what looks, by GET, and what changes something, by POST and with the token.
final class Routes {
    private final Map<String, Route> gets = new HashMap<>();
    private final Map<String, Route> posts = new HashMap<>();

    /// Answers one request.
    interface Route {
        void answer(Reply reply) throws IOException, InterruptedException;
    }

    Routes get(String path, Route route) {
        gets.put(path, route);
        return this;
    }

    Routes post(String path, Route route) {
        posts.put(path, route);
        return this;
    }

    /// What answers GET: that there is nothing, where nothing else does.
    Route get(String path) {
        return gets.getOrDefault(path, reply -> reply.refuse(404, "there is nothing here"));
    }

    Route post(String path) {
        return posts.getOrDefault(path, reply -> reply.refuse(404, "there is nothing here"));
    }
}
