package malloc4j.cli.serve;

import malloc4j.cli.playground.Playground;

/// What the page asks a playground.
///
/// | request | does |
/// |---|---|
/// | `GET /playground.json` | looks |
/// | `POST /playground/malloc?count=N&bytes=N&policy=NAME` | allocates blocks |
/// | `POST /playground/free?block=N`, `/playground/touch?block=N` | frees a block, writes it |
/// | `POST /playground/trim` | gives back what is free |
///
/// Each is answered by a [malloc4j.cli.playground.PlaygroundState].
final class PlaygroundRoutes {
    private PlaygroundRoutes() {}

    /// Adds them.
    static Routes addTo(Routes routes, Playground playground) {
        return routes.get("/playground.json", reply -> reply.json(playground.look()))
                .post(
                        "/playground/malloc",
                        reply -> reply.json(playground.malloc(
                                reply.number("count", Integer.MAX_VALUE),
                                reply.number("bytes", Long.MAX_VALUE),
                                reply.text("policy"))))
                .post(
                        "/playground/free",
                        reply -> reply.json(playground.free(reply.number("block", Integer.MAX_VALUE))))
                .post(
                        "/playground/touch",
                        reply -> reply.json(playground.touch(reply.number("block", Integer.MAX_VALUE))))
                .post("/playground/trim", reply -> reply.json(playground.trim()));
    }
}
