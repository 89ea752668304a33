import Platform
import Testing

@Suite struct DescriptorsTests {
    @Test("the limit of open files is raised as far as it goes, and never lowered")
    func raised() {
        let before = Descriptors.raiseLimit(to: 0)
        #expect(before > 0)
        #expect(Descriptors.raiseLimit(to: before) == before)
        let most = Descriptors.raiseLimit(to: .max)
        #expect(most >= before)
        #expect(Descriptors.raiseLimit(to: 1) == most)
    }
}
