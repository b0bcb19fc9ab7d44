import { playAt } from '../http/play.ts'

await playAt('file')
