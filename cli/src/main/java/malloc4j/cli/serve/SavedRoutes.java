package malloc4j.cli.serve;

/// What the page asks about a look that was saved: `GET /saved.json`, a [SavedLook].
final class SavedRoutes {
    private SavedRoutes() {}

    /// Adds it.
    static Routes addTo(Routes routes, SavedLook look) {
        return routes.get("/saved.json", reply -> reply.json(look));
    }
}
