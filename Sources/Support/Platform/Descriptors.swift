#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How many files and sockets the process may have open at once.
package enum Descriptors {
    /// Raises the process's own limit to `wanted`, as far as the system lets it; never lowers it.
    ///
    /// Returns what holds afterwards.
    package static func raiseLimit(to wanted: Int) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return wanted }
        let (soft, hard) = (Int(clamping: limit.rlim_cur), Int(clamping: limit.rlim_max))
        guard soft < wanted else { return soft }
        let raised = min(wanted, hard)
        limit.rlim_cur = rlim_t(raised)
        return unsafe setrlimit(resource, &limit) == 0 ? raised : soft
    }

    #if canImport(Glibc)
    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    private static let resource = RLIMIT_NOFILE
    #endif
}
