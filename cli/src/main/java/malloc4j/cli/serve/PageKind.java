package malloc4j.cli.serve;

import io.avaje.jsonb.Json;

/// What the page shows, so that it knows what it can ask.
///
/// @param kind `process`, `playground` or `saved`
@Json
record PageKind(String kind) {
    static final PageKind PROCESS = new PageKind("process");
    static final PageKind PLAYGROUND = new PageKind("playground");
    static final PageKind SAVED = new PageKind("saved");
}
