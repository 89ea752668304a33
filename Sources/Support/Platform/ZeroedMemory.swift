#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Memory of a fixed size that reads as zeros until it is written; pages that were never touched cost nothing.
///
/// The owner keeps inside `bytes.count` and shares the memory with nobody.
@safe
package final class ZeroedMemory {
    package let bytes: UnsafeMutableRawBufferPointer

    /// Huge pages are declined: they would make a sparsely used table resident at its first few writes.
    package init(count: Int) {
        let count = max(count, 1)
        let address = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            preconditionFailure("the system gives no \(count) bytes of memory: error \(errno)")
        }
        #if canImport(Glibc)
        _ = unsafe madvise(address, count, MADV_NOHUGEPAGE)
        #endif
        unsafe bytes = UnsafeMutableRawBufferPointer(start: address, count: count)
    }

    deinit {
        _ = unsafe munmap(bytes.baseAddress, bytes.count)
    }

    /// Makes all of it zero again and gives its pages back.
    package func clear() {
        #if canImport(Glibc)
        if unsafe madvise(bytes.baseAddress, bytes.count, MADV_DONTNEED) == 0 { return }
        #endif
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
}
