/// `--report FILE`: a comparison of allocators as one page of HTML, which needs nothing else to be read.
///
/// ```
///   ReplayCommand, BenchCommand  ->  Comparison  ->  ComparisonVerdict   what came of it, in words
///                                                ->  ReportPage          report/report.html, with script, style and
///                                                                        the --json document inside
///   ReportOption                     whether the file can be written, before anything is measured; writes it
/// ```
@NullMarked
package malloc4j.cli.report;

import org.jspecify.annotations.NullMarked;
