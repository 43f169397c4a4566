/// What on a machine, or about a process, makes memory scarce or a tool blind: what `doctor` shows.
@NullMarked
package malloc4j.cli.health;

import org.jspecify.annotations.NullMarked;
