package malloc4j.cli.explain;

import malloc4j.cli.Page;

/// What `explain` has found out, of a dead process or of a request.
sealed interface Explained permits Explanation, Route {
    /// What `--json` prints.
    Object document();

    /// Shows it to people.
    void render(Page page);
}
