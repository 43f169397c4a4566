package malloc4j.cli.replay;

import java.nio.file.Path;
import java.util.List;

/// One trace, read, checked and made ready for children.
///
/// @param name as the user gave it
/// @param notes what is to be known of it, for people
/// @param curve what of it is live when
/// @param image the file that children read, see [TraceImage]
record PreparedTrace(String name, TraceSummary summary, List<String> notes, LiveCurve curve, Path image) {}
