/// What a message belongs to: a campaign or a canvas, by its id.
package enum MessageOwner: Sendable, Hashable {
    case campaign(String)
    case canvas(String)
}
