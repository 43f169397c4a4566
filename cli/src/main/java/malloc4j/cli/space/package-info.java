/// A process's memory divided into the parts that people ask for: what `who`, `map` and `doctor` have in common.
@NullMarked
package malloc4j.cli.space;

import org.jspecify.annotations.NullMarked;
