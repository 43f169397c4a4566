/// `malloc4j limits`: what may stop a process from having more memory.
@NullMarked
package malloc4j.cli.limits;

import org.jspecify.annotations.NullMarked;
