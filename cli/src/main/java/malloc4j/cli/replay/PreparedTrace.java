package malloc4j.cli.replay;

import java.nio.file.Path;

/// One trace, read, checked and made ready for children.
///
/// @param name as the user gave it
/// @param image the file that children read, see [TraceImage]
record PreparedTrace(String name, TraceSummary summary, Path image) {}
